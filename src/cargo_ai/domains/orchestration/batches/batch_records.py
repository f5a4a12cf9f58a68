"""Batch records: read the first records of a batch's data or a sample of them, and count them, without creating a batch."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappush, heapreplace
from typing import Any

from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.contract.orchestration.batches import batch_data as batch_kinds
from cargo_ai.domains.orchestration.batches import batch_source
from cargo_ai.domains.orchestration.replay import rerun, rerun_source
from cargo_ai.domains.orchestration.runs.filters import run_filter
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.engine.dispatch.enumerate import Chunks, SourceFailed
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.engine.journal.replay import ReplayRecord
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject

SAMPLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Peek:
    """The first records, and how many there are. Runs that are done again are `ReplayRecord`."""

    records: list[dict[str, Any]]
    count: int


async def peek(ctx: Context, spec: RunSpec, data: JsonObject, batch_input: batch_kinds.BatchInput, most: int) -> Peek:
    """The first `most` records of data as batches keep it. What cannot be counted is read to its end. Raises SourceFailed."""
    if isinstance(batch_input, batch_kinds.RecordsData):
        return Peek([dict(record) for record in batch_input.records[:most]], len(batch_input.records))
    count = await _count(ctx, spec, data)
    chunks = _chunks(ctx, spec, data)
    if chunks is None:
        raise SourceFailed(f"records of kind {data['kind']} cannot be looked at before they are enrolled.")
    records, read = await _read(chunks, most, to_end=count is None)
    return Peek(records, read if count is None else count)


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of the records, in an order that has nothing to do with theirs; how many there are, and among how many of them was chosen."""

    records: list[dict[str, Any]]
    count: int
    read: int


async def sample(ctx: Context, spec: RunSpec, data: JsonObject, batch_input: batch_kinds.BatchInput, most: int) -> Sample:
    """`most` records, spread over all of data by a hash of their ids; they are streamed, and only those are kept. What can be counted
    without reading is read for ten seconds at most. Raises SourceFailed."""
    spread = SampleByHash(most)
    if isinstance(batch_input, batch_kinds.RecordsData):
        spread.offer(batch_input.records)
        return Sample(spread.chosen(), spread.read, spread.read)
    count = await _count(ctx, spec, data)
    chunks = _chunks(ctx, spec, data)
    if chunks is None:
        raise SourceFailed(f"records of kind {data['kind']} cannot be looked at before they are enrolled.")
    ends = clock.seconds() + SAMPLE_SECONDS
    async with aclosing(chunks):
        async for chunk in chunks:
            spread.offer(chunk)
            if count is not None and clock.seconds() > ends:
                return Sample(spread.chosen(), max(count, spread.read), spread.read)
            await asyncio.sleep(0)
    return Sample(spread.chosen(), spread.read, spread.read)


class SampleByHash:
    """The records with the smallest hashes of all that are offered: the same ones whatever their order is. O(log most) each."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.read = 0
        self._kept: list[tuple[int, int, dict[str, Any]]] = []

    def offer(self, records: Sequence[dict[str, Any]]) -> None:
        """Some more records."""
        for record in records:
            entry = (-_hash(record, self.read), -self.read, record)
            self.read += 1
            if len(self._kept) < self.most:
                heappush(self._kept, entry)
            elif entry[:2] > self._kept[0][:2]:
                heapreplace(self._kept, entry)

    def chosen(self) -> list[dict[str, Any]]:
        """Those with the smallest hashes, by hash."""
        return [record for _, _, record in sorted(self._kept, key=lambda entry: entry[:2], reverse=True)]


def _hash(record: Mapping[str, Any], at: int) -> int:
    """By id, or where records have none by their place."""
    record_id = str(record.seed.run) if isinstance(record, ReplayRecord) else record.get("_id")
    text = f"{at}" if record_id in (None, "") else f"id {record_id}"
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


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


def _chunks(ctx: Context, spec: RunSpec, data: JsonObject) -> Chunks | None:
    database, workspace, batch = ctx.database, ctx.workspace, ids.new()
    match data["kind"]:
        case "file":
            return batch_source.of_file(ctx.services, workspace, data, 0)
        case "filter":
            selection = (data.get("filter"), data.get("sort"), data.get("limit"))
            return segmentation.filter_chunks(database, workspace, _uuid_of(data, "modelUuid"), selection, batch, 0)
        case "segment":
            return segmentation.segment_chunks(database, workspace, _uuid_of(data, "segmentUuid"), batch, 0)
        case "recordIds":
            return segmentation.record_chunks(database, workspace, _uuid_of(data, "modelUuid"), data["ids"], batch, 0)
        case "change":
            return segmentation.change_chunks(database, workspace, _uuid_of(data, "changeUuid"), data["changeKinds"], batch, 0)
        case "runs":
            return rerun_source.of_filter(database, spec, data, batch)
        case _:
            return None


async def _count(ctx: Context, spec: RunSpec, data: JsonObject) -> int | None:
    """How many records there are, where they can be counted without reading them."""
    match data["kind"]:
        case "filter":
            selection = (data.get("filter"), data.get("sort"), data.get("limit"))
            return await segmentation.count_filter(ctx.database, ctx.workspace, _uuid_of(data, "modelUuid"), selection)
        case "segment":
            return await segmentation.count_segment(ctx.database, ctx.workspace, _uuid_of(data, "segmentUuid"))
        case "runs":
            filter = batch_kinds.RunsOfBatch.model_validate(data["filter"])
            where = rerun.conditions(ctx.workspace, spec.workflow, filter, ids.new())
            return int(await ctx.db.scalar(select(func.count()).select_from(run_filter.joined).where(*where)) or 0)
        case _:
            return None


def _uuid_of(data: JsonObject, field: str) -> uuid.UUID:
    return ids.parse(str(data.get(field))) or uuid.UUID(int=0)
