"""Batch data: what a request says its records are, checked against what is there, and as it is kept with the batch."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn

from pydantic_core import to_json
from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.contract.orchestration import batch as contract
from cargo_ai.contract.orchestration import batch_data as batch_kinds
from cargo_ai.domains.orchestration.batches import batch_source
from cargo_ai.domains.orchestration.replay import rerun
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records import rows
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.files import FileMissing, require_owner

_MODELS = "cargo-ai storage model list"
_SHOWN = 5


async def to_stored(ctx: Context, batch: uuid.UUID, origin: RunSpec, data: batch_kinds.BatchInput) -> JsonObject:
    """The data of a new batch as it is kept; refuses through `batch create` what its workflow does not take or what is not there."""
    why = await batch_source.refusal(ctx.db, origin.workflow, data.kind)
    if why is not None:
        contract.create.refuse("invalidDataKind", kind=data.kind, cause=why)
    match data:
        case batch_kinds.FileData():
            await _require_file(ctx, data.s3_filename)
            found: JsonObject = {"kind": "file", "s3Filename": data.s3_filename}
            return found | ({"mappings": data.mappings} if data.mappings else {})
        case batch_kinds.RecordsData():
            if not data.records:
                _refuse("noRecords", "the list of records is empty.")
            return {"kind": "records", "s3Filename": records_key(ctx.workspace, batch)}
        case batch_kinds.SegmentData():
            return await _segment(ctx, data)
        case batch_kinds.ChangeData():
            return await _change(ctx, data)
        case batch_kinds.FilterData():
            return await _filter(ctx, data)
        case batch_kinds.RecordIdsData():
            return await _record_ids(ctx, origin.workflow, data)
        case batch_kinds.RunsData():
            return _runs(origin, data)
        case _:
            return contract.create.refuse("invalidDataKind", kind=data.kind, cause="this server does not read it.")


def records_key(workspace: uuid.UUID, batch: uuid.UUID) -> str:
    """Where the records are kept that came with the request."""
    return f"{workspace}/batches/{batch}/records.ndjson"


async def put_records(ctx: Context, batch: uuid.UUID, data: batch_kinds.BatchInput) -> None:
    """Write inline records into their file: last, so that what goes wrong leaves no file; no worker looks for it before the commit."""
    if isinstance(data, batch_kinds.RecordsData):
        await ctx.files.put(records_key(ctx.workspace, batch), _lines(data.records))


async def _lines(records: Sequence[JsonObject]) -> AsyncIterator[bytes]:
    for begin in range(0, len(records), 1_000):
        yield b"".join(to_json(record, inf_nan_mode="null") + b"\n" for record in records[begin : begin + 1_000])


async def _segment(ctx: Context, data: batch_kinds.SegmentData) -> JsonObject:
    named = ids.parse(data.segment_uuid)
    found = await segmentation.find_segment(ctx.db, named) if named else None
    if found is None:
        _refuse("failedToGetSegment", f"there is no segment {data.segment_uuid}.", "cargo-ai segmentation segment list")
    try:
        await segmentation.validate_filter(ctx.db, ctx.workspace, found.model_uuid, found.filter.to_wire())
    except segmentation.InvalidFilter as error:
        _refuse("failedToGetSegment", f"the filter of segment {found.name} no longer fits its model: {error}")
    return {"kind": "segment", "segmentUuid": str(found.uuid)}


async def _change(ctx: Context, data: batch_kinds.ChangeData) -> JsonObject:
    if not data.change_kinds:
        _refuse("invalidChangeKinds", "say which records of the change: added, updated, removed or unchanged.")
    named = ids.parse(data.change_uuid)
    found = await segmentation.find_change(ctx.db, named) if named else None
    if found is None:
        cause = f"there is no change {data.change_uuid} whose records are still kept."
        _refuse("failedToGetSegmentChange", cause, "cargo-ai segmentation change list")
    kinds = list(dict.fromkeys(data.change_kinds))
    return {"kind": "change", "changeUuid": str(found.uuid), "changeKinds": kinds, "segmentUuid": str(found.segment_uuid)}


async def _filter(ctx: Context, data: batch_kinds.FilterData) -> JsonObject:
    named = ids.parse(data.model_uuid)
    try:
        found = await segmentation.validate_filter(ctx.db, ctx.workspace, named, data.filter, data.sort) if named else None
    except segmentation.InvalidFilter as error:
        _refuse("invalidData", f"the filter cannot be used: {error}")
    if found is None:
        _refuse("invalidData", f"there is no model {data.model_uuid}.", _MODELS)
    for sentence in found.warnings:
        ctx.warn(sentence)
    kept: JsonObject = {"kind": "filter", "modelUuid": str(named), "filter": found.filter.to_wire()}
    kept |= {"sort": [one.to_wire() for one in found.sort]} if found.sort else {}
    return kept | ({"limit": data.limit} if data.limit is not None else {})


async def _record_ids(ctx: Context, workflow: uuid.UUID, data: batch_kinds.RecordIdsData) -> JsonObject:
    if not data.ids:
        _refuse("noRecords", "the list of ids is empty.")
    if data.model_uuid is not None:
        named = ids.parse(data.model_uuid)
    else:
        # Of a play's workflow the model is known.
        named = await ctx.db.scalar(select(Play.model_uuid).where(Play.workflow_uuid == workflow, Play.deleted_at.is_(None)))
        if named is None:
            _refuse("invalidData", "say of which model the ids are: modelUuid.", _MODELS)
    relation = await storage.relation(ctx.db, named) if named is not None else None
    if relation is None:
        _refuse("invalidData", f"there is no model {data.model_uuid}.", _MODELS)
    wanted = list(dict.fromkeys(data.ids))
    there = await rows.existing_ids(await driver_connection(ctx.db), relation, wanted)
    missing = [uid for uid in wanted if uid not in there]
    found: JsonObject = {"kind": "recordIds", "modelUuid": str(named), "ids": wanted}
    if missing:
        found |= {"missingIdsCount": len(missing), "missingIds": missing[:_SHOWN]}
        for sentence in warnings(found):
            ctx.warn(sentence)
    return found


def warnings(data: JsonObject) -> list[str]:
    """What of a batch's data was not there when the batch was made, in sentences."""
    count, shown = data.get("missingIdsCount"), data.get("missingIds")
    if not count or not shown:
        return []
    more = f" and {count - len(shown):,} more" if count > len(shown) else ""
    verb = "is" if count == 1 else "are"
    return [f"{count:,} of the {len(data['ids']):,} ids {verb} not in the model: {', '.join(shown)}{more}."]


def _runs(origin: RunSpec, data: batch_kinds.RunsData) -> JsonObject:
    filter, reset = data.filter, rerun.reset_of_request(data.reset)
    below = (filter.parent_run_uuid, filter.parent_node_uuid, filter.parent_batch_uuid, filter.is_group_parent or None)
    if any(one is not None for one in below):
        sentence = "runs that others have started are done again with the run at the top: begin at GROUP.NODE (nodePath) in that."
        _refuse("invalidData", sentence)
    fault = rerun.problem_of(reset, [dict(node) for node in origin.nodes])
    if fault is not None:
        _refuse("invalidData", fault)
    return rerun.to_stored(filter, reset, origin.nodes)


async def _require_file(ctx: Context, key: str) -> None:
    try:
        await ctx.files.size(require_owner(key, ctx.workspace))
    except FileMissing:
        sentence = f"there is no file {key}: upload it first and use the s3Filename that comes back."
        _refuse("invalidData", sentence, "cargo-ai workspace file upload --file-path companies.csv")


def _refuse(reason: contract.DataErrorReason, cause: str, fix: str | None = None) -> NoReturn:
    contract.create.refuse("dataError", cause=cause, details={"dataError": {"reason": reason}}, fix=fix)
