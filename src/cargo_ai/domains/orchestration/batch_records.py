"""Batch records: the first records of a batch's data and how many there are in all, without a batch."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from cargo_ai.contract.orchestration import batch as contract
from cargo_ai.domains.orchestration import batch_source, rerun, rerun_source, run_filter
from cargo_ai.domains.segmentation import door as segmentation
from cargo_ai.engine.enumerate import Chunks, SourceFailed
from cargo_ai.engine.submit import Origin
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.roomkit.context import Context


@dataclass(frozen=True, slots=True)
class Looked:
    """The first records, and how many there are. Runs that are done again are `takeover.Again`."""

    records: list[dict[str, Any]]
    count: int


async def look(ctx: Context, origin: Origin, data: JsonObject, given: contract.BatchInput, most: int) -> Looked:
    """The first `most` records of data as batches keep it. What is in no warehouse is read to its end. Raises SourceFailed."""
    if isinstance(given, contract.RecordsData):
        return Looked([dict(record) for record in given.records[:most]], len(given.records))
    count = await _count(ctx, origin, data)
    chunks = _chunks(ctx, origin, data)
    if chunks is None:
        raise SourceFailed(f"records of kind {data['kind']} cannot be looked at before they are enrolled.")
    records, read = await _read(chunks, most, to_end=count is None)
    return Looked(records, read if count is None else count)


async def _read(chunks: Chunks, most: int, *, to_end: bool) -> tuple[list[dict[str, Any]], int]:
    records: list[dict[str, Any]] = []
    read = 0
    async with aclosing(chunks):
        async for chunk in _nonempty(chunks):
            read += len(chunk)
            records += chunk[: most - len(records)]
            if len(records) >= most and not to_end:
                break
    return records, read


async def _nonempty(chunks: Chunks) -> AsyncIterator[list[dict[str, Any]]]:
    async for chunk in chunks:
        if chunk:
            yield chunk


def _chunks(ctx: Context, origin: Origin, data: JsonObject) -> Chunks | None:
    database, workspace, nobody = ctx.database, ctx.workspace, ids.new()
    match data["kind"]:
        case "file":
            return batch_source.of_file(ctx.files, workspace, data, 0)
        case "filter":
            kept = (data.get("filter"), data.get("sort"), data.get("limit"))
            return segmentation.wanted_chunks(database, workspace, _named(data, "modelUuid"), kept, nobody, 0)
        case "segment":
            return segmentation.segment_chunks(database, workspace, _named(data, "segmentUuid"), nobody, 0)
        case "recordIds":
            return segmentation.record_chunks(database, workspace, _named(data, "modelUuid"), data["ids"], nobody, 0)
        case "change":
            return segmentation.change_chunks(database, workspace, _named(data, "changeUuid"), data["changeKinds"], nobody, 0)
        case "runs":
            walked = rerun_source.Walked(workspace, origin.workflow, [dict(node) for node in origin.nodes])
            return rerun_source.of_filter(database, walked, data, nobody)
        case _:
            return None


async def _count(ctx: Context, origin: Origin, data: JsonObject) -> int | None:
    """How many records there are, where that can be told without reading them."""
    match data["kind"]:
        case "filter":
            kept = (data.get("filter"), data.get("sort"), data.get("limit"))
            return await segmentation.count_wanted(ctx.database, ctx.workspace, _named(data, "modelUuid"), kept)
        case "segment":
            return await segmentation.count_segment(ctx.database, ctx.workspace, _named(data, "segmentUuid"))
        case "runs":
            filter = contract.RunsOfBatch.model_validate(data["filter"])
            where = rerun.conditions(ctx.workspace, origin.workflow, filter, ids.new())
            return int(await ctx.db.scalar(select(func.count()).select_from(run_filter.joined).where(*where)) or 0)
        case _:
            return None


def _named(data: JsonObject, field: str) -> uuid.UUID:
    return ids.parse(str(data.get(field))) or uuid.UUID(int=0)
