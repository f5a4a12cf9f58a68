"""Batch data: validate what a request gives as the records of a batch, and convert it to the stored form."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NoReturn

from pydantic_core import to_json
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.contract.orchestration.batches import batch as contract
from cargo_ai.contract.orchestration.batches import batch_data as batch_kinds
from cargo_ai.domains.orchestration.replay import rerun
from cargo_ai.domains.orchestration.runs.resolve_graph import Target
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.domains.orchestration.workflows.lookup import Runnable, WorkflowKind
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records import rows
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.files import FileMissing, require_owner

_MODELS = "cargo-ai storage model list"
_SHOWN = 5


KINDS: Mapping[WorkflowKind, tuple[str, ...]] = {
    "tool": ("records", "file", "runs"),
    "play": ("segment", "change", "filter", "recordIds", "runs"),
    "hidden": ("records", "file", "segment", "filter", "recordIds", "runs"),
}
"""The kinds of batch data that a tool, a play and an ad-hoc graph take."""
_OWNERS: Mapping[WorkflowKind, str] = {"tool": "a tool", "play": "a play", "hidden": "a graph of your own"}
_AUTOMATIC_KINDS: Mapping[str, str] = {
    "schedule": "a play makes such a batch by itself, when its schedule is due.",
    "watchedRecords": "a play whose schedule is to watch enrols what lands by itself, in batches of kind schedule.",
    "form": "what is sent through a tool's form is a run of its own.",
    "group": "the items of a group are runs below the run of its node.",
}
"""Kinds that no request can ask for: where what they are for comes from."""


def kind_problem(workflow: Runnable, kind: str) -> str | None:
    """Why this workflow does not take data of this kind, as the end of a sentence; None when it does."""
    owner = "hidden" if workflow.is_removed else workflow.kind
    kinds = KINDS[owner]
    if kind in kinds:
        return None
    sentence = f"{_OWNERS[owner]} takes {', '.join(kinds[:-1])} or {kinds[-1]}."
    return f"{_AUTOMATIC_KINDS[kind]} By hand, {sentence}" if kind in _AUTOMATIC_KINDS else sentence


async def to_stored(ctx: Context, batch: uuid.UUID, target: Target, data: batch_kinds.BatchInput) -> JsonObject:
    """The stored form of a new batch's data, which says what of it is not complete. Raises Refusal of `batch create` for what its workflow
    does not take or what is missing."""
    stored = await _to_stored(ctx, batch, target, data)
    stored |= await incomplete_columns(ctx.db, ctx.workspace, stored)
    for sentence in warnings(stored):
        ctx.warn(sentence)
    return stored


async def incomplete_columns(db: AsyncSession, workspace: uuid.UUID, stored: JsonObject) -> JsonObject:
    """What is added to the data of a batch whose records have columns that lack values."""
    model, segment = (ids.parse(str(stored.get(field))) for field in ("modelUuid", "segmentUuid"))
    if model is None and segment is not None:
        info = await segmentation.find_segment(db, segment)
        model = None if info is None else info.model_uuid
    sentences = [] if model is None else await storage.incomplete_columns(db, workspace, model)
    return {"incompleteColumns": sentences[:_SHOWN]} if sentences else {}


async def _to_stored(ctx: Context, batch: uuid.UUID, target: Target, data: batch_kinds.BatchInput) -> JsonObject:
    problem = kind_problem(target.workflow, data.kind)
    if problem is not None:
        contract.create.refuse("invalidDataKind", kind=data.kind, cause=problem)
    match data:
        case batch_kinds.FileData():
            await _require_file(ctx, data.s3_filename)
            stored: JsonObject = {"kind": "file", "s3Filename": data.s3_filename}
            return stored | ({"mappings": data.mappings} if data.mappings else {})
        case batch_kinds.RecordsData():
            if not data.records:
                _refuse("noRecords", "the list of records is empty.")
            return {"kind": "records", "s3Filename": records_key(ctx.workspace, batch)}
        case batch_kinds.SegmentData():
            return await _segment(ctx, target.workflow, data)
        case batch_kinds.ChangeData():
            return await _change(ctx, data)
        case batch_kinds.FilterData():
            return await _filter(ctx, target.workflow, data)
        case batch_kinds.RecordIdsData():
            return await _record_ids(ctx, target.workflow, data)
        case batch_kinds.RunsData():
            return _runs(target.spec, data)
        case _:
            return contract.create.refuse("invalidDataKind", kind=data.kind, cause="this server does not read it.")


def records_key(workspace: uuid.UUID, batch: uuid.UUID) -> str:
    """The key of the file with the records of a request."""
    return f"{workspace}/batches/{batch}/records.ndjson"


async def put_records(ctx: Context, batch: uuid.UUID, data: batch_kinds.BatchInput) -> None:
    """Write the request's own records into their file: last, so that a refusal leaves no file; no worker reads it before the commit."""
    if isinstance(data, batch_kinds.RecordsData):
        key, connection = records_key(ctx.workspace, batch), await driver_connection(ctx.db)
        size = await ctx.files.put(key, _lines(data.records))
        await quotas.add(connection, ctx.workspace, "outputBytes", "batches", size)
        try:
            await quotas.require(connection, ctx.workspace, "outputBytes", ctx.settings, size)
        except Refusal:
            await ctx.files.remove(key)
            raise


async def _lines(records: Sequence[JsonObject]) -> AsyncIterator[bytes]:
    for begin in range(0, len(records), 1_000):
        yield b"".join(to_json(record, inf_nan_mode="null") + b"\n" for record in records[begin : begin + 1_000])


async def _segment(ctx: Context, workflow: Runnable, data: batch_kinds.SegmentData) -> JsonObject:
    uid = await _own_segment(ctx, workflow) if data.segment_uuid is None else ids.parse(data.segment_uuid)
    segment = await segmentation.find_segment(ctx.db, uid) if uid else None
    if segment is None:
        _refuse("failedToGetSegment", f"there is no segment {data.segment_uuid}.", "cargo-ai segmentation segment list")
    try:
        await segmentation.validate_filter(ctx.db, ctx.workspace, segment.model_uuid, segment.filter.to_wire())
    except segmentation.InvalidFilter as error:
        _refuse("failedToGetSegment", f"the filter of segment {segment.name} no longer fits its model: {error}")
    return {"kind": "segment", "segmentUuid": str(segment.uuid)}


async def _own_segment(ctx: Context, workflow: Runnable) -> uuid.UUID:
    """The segment of the workflow's play."""
    own = await ctx.db.scalar(select(Play.segment_uuid).where(Play.workflow_uuid == workflow.workflow_uuid, Play.deleted_at.is_(None)))
    if own is None:
        _refuse("invalidData", "say of which segment: segmentUuid.", "cargo-ai segmentation segment list")
    return own


def _named_model(workflow: Runnable, text: str | None) -> uuid.UUID | None:
    """The model that the data names, else that of the workflow's play; None for what is not a uuid."""
    if text is not None:
        return ids.parse(text)
    if workflow.play is None or workflow.is_removed:
        _refuse("invalidData", "say of which model: modelUuid.", _MODELS)
    return workflow.play.model_uuid


async def _change(ctx: Context, data: batch_kinds.ChangeData) -> JsonObject:
    if not data.change_kinds:
        _refuse("invalidChangeKinds", "say which records of the change: added, updated, removed or unchanged.")
    uid = ids.parse(data.change_uuid)
    change = await segmentation.find_change(ctx.db, uid) if uid else None
    if change is None:
        cause = f"there is no change {data.change_uuid} whose records are still kept."
        _refuse("failedToGetSegmentChange", cause, "cargo-ai segmentation change list")
    kinds = list(dict.fromkeys(data.change_kinds))
    return {"kind": "change", "changeUuid": str(change.uuid), "changeKinds": kinds, "segmentUuid": str(change.segment_uuid)}


async def _filter(ctx: Context, workflow: Runnable, data: batch_kinds.FilterData) -> JsonObject:
    uid = _named_model(workflow, data.model_uuid)
    try:
        valid = await segmentation.validate_filter(ctx.db, ctx.workspace, uid, data.filter, data.sort) if uid else None
    except segmentation.InvalidFilter as error:
        _refuse("invalidData", f"the filter cannot be used: {error}")
    if valid is None:
        _refuse("invalidData", f"there is no model {data.model_uuid}.", _MODELS)
    for sentence in valid.warnings:
        ctx.warn(sentence)
    stored: JsonObject = {"kind": "filter", "modelUuid": str(uid), "filter": valid.filter.to_wire()}
    stored |= {"sort": [rule.to_wire() for rule in valid.sort]} if valid.sort else {}
    return stored | ({"limit": data.limit} if data.limit is not None else {})


async def _record_ids(ctx: Context, workflow: Runnable, data: batch_kinds.RecordIdsData) -> JsonObject:
    if not data.ids:
        _refuse("noRecords", "the list of ids is empty.")
    model = _named_model(workflow, data.model_uuid)
    relation = await storage.relation(ctx.db, model) if model is not None else None
    if relation is None:
        _refuse("invalidData", f"there is no model {data.model_uuid}.", _MODELS)
    record_ids = list(dict.fromkeys(data.ids))
    present = await rows.existing_ids(await driver_connection(ctx.db), relation, record_ids)
    missing = [record_id for record_id in record_ids if record_id not in present]
    stored: JsonObject = {"kind": "recordIds", "modelUuid": str(model), "ids": record_ids}
    if missing:
        stored |= {"missingIdsCount": len(missing), "missingIds": missing[:_SHOWN]}
    return stored


def warnings(data: JsonObject) -> list[str]:
    """What of a batch's data was missing when the batch was created, in sentences."""
    incomplete = [f"When the batch was created: {sentence}" for sentence in data.get("incompleteColumns", ())]
    return [*_missing_ids(data), *incomplete]


def _missing_ids(data: JsonObject) -> list[str]:
    count, missing = data.get("missingIdsCount"), data.get("missingIds")
    if not count or not missing:
        return []
    more = f" and {count - len(missing):,} more" if count > len(missing) else ""
    verb = "is" if count == 1 else "are"
    return [f"{count:,} of the {len(data['ids']):,} ids {verb} not in the model: {', '.join(missing)}{more}."]


def _runs(spec: RunSpec, data: batch_kinds.RunsData) -> JsonObject:
    filter, reset = data.filter, rerun.reset_of_request(data.reset)
    below = (filter.parent_run_uuid, filter.parent_node_uuid, filter.parent_batch_uuid, filter.is_group_parent or None)
    if any(field is not None for field in below):
        sentence = "runs that others have started are done again with the run at the top: begin at GROUP.NODE (nodePath) in that."
        _refuse("invalidData", sentence)
    problem = rerun.problem_of(reset, [dict(node) for node in spec.nodes])
    if problem is not None:
        _refuse("invalidData", problem)
    return rerun.to_stored(filter, reset, spec.nodes)


async def _require_file(ctx: Context, key: str) -> None:
    try:
        await ctx.files.size(require_owner(key, ctx.workspace))
    except FileMissing:
        sentence = f"there is no file {key}: upload it first and use the s3Filename that comes back."
        _refuse("invalidData", sentence, "cargo-ai workspace file upload --file-path companies.csv")


def _refuse(reason: contract.DataErrorReason, cause: str, fix: str | None = None) -> NoReturn:
    contract.create.refuse("dataError", cause=cause, details={"dataError": {"reason": reason}}, fix=fix)
