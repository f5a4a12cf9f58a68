"""Batch preview: the records that a batch would enrol, before there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration import batch_data as batch_kinds
from cargo_ai.contract.orchestration import batch_preview as contract
from cargo_ai.domains.orchestration.batches import batch_data, batch_records, batch_source
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch.enumerate import SourceFailed
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.engine.graph import group
from cargo_ai.engine.graph.action import Failed
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.wire import JsonObject


@handles(contract.preview)
async def preview(ctx: Context, request: contract.PreviewBatch) -> contract.PreviewReply:
    """The first records, their columns and their number. Nothing is written."""
    uid = ids.parse(request.workflow_uuid)
    runnable = await lookup.runnable(ctx.db, uid) if uid else None
    runnable = found_or_refuse(
        contract.preview, runnable, "workflowNotFound", uuid=request.workflow_uuid, fix="cargo-ai orchestration workflow list"
    )
    if isinstance(request.data, contract.GroupToPreview):
        return _items(request.data)
    origin = RunSpec(ctx.workspace, runnable.workflow_uuid, ctx.who.user_uuid, runnable.release_uuid, runnable.nodes or [])
    given = _as_created(request.data)
    await _takes(ctx, origin, given, isinstance(request.data, contract.ScheduleData))
    data = await _kept(ctx, origin, given)
    try:
        looked = await batch_records.peek(ctx, origin, data, given, contract.MOST_RECORDS)
    except SourceFailed as error:
        contract.preview.refuse("failedToFetchFromClient", cause=str(error))
    return contract.PreviewReply(records=looked.records, columns=await _columns(ctx, data, looked.records), count=looked.count)


def _items(data: contract.GroupToPreview) -> contract.PreviewReply:
    records = group.read_items({"items": data.items})
    if isinstance(records, Failed):
        raise invalid_input([{"path": "data.items", "message": records.message}])
    shown = records[: contract.MOST_RECORDS]
    return contract.PreviewReply(records=shown, columns=_inferred(shown), count=len(records))


def _as_created(data: Any) -> batch_kinds.BatchInput:
    """The same data as `batch create` takes it. What a play enrols by itself comes from its segment."""
    if isinstance(data, contract.FileToPreview):
        return batch_kinds.FileData(kind="file", s3Filename=data.s3_filename, mappings=data.mappings)
    if isinstance(data, contract.RunsToPreview):
        filter = batch_kinds.RunsOfBatch(kind="runs", uuids=data.run_uuids)
        return batch_kinds.RunsData(kind="runs", filter=filter, reset=data.reset)
    if isinstance(data, contract.ScheduleData):
        return batch_kinds.SegmentData(kind="segment", segment_uuid=data.segment_uuid)
    return data


async def _takes(ctx: Context, origin: RunSpec, given: batch_kinds.BatchInput, scheduled: bool) -> None:
    why = None if scheduled else await batch_source.refusal(ctx.db, origin.workflow, given.kind)
    if why is None:
        return
    found = await lookup.runnable(ctx.db, origin.workflow)
    reason = "modelLinkedToWorkflow" if found is not None and found.kind == "play" else "noModelLinkedToWorkflow"
    contract.preview.refuse(reason, kind=given.kind, cause=why)


async def _kept(ctx: Context, origin: RunSpec, given: batch_kinds.BatchInput) -> JsonObject:
    """The data as a batch would keep it; what is wrong with it is said as preview says it."""
    try:
        return await batch_data.to_stored(ctx, ids.new(), origin, given)
    except Refusal as refusal:
        reason = refusal.details.get("dataError", {}).get("reason")
        if reason == "failedToGetSegment" and isinstance(given, batch_kinds.SegmentData):
            contract.preview.refuse("segmentNotFound", uuid=given.segment_uuid, fix="cargo-ai segmentation segment list")
        raise invalid_input([{"path": "data", "message": refusal.message}]) from None


async def _columns(ctx: Context, data: JsonObject, records: Sequence[JsonObject]) -> list[contract.PreviewColumn]:
    """The columns of the records; of those of a model as the model has them."""
    model = ids.parse(str(data.get("modelUuid") or ""))
    relation = await storage.relation(ctx.db, model) if model else None
    known = {one.slug: one for one in relation.columns} if relation else {}
    return [
        contract.PreviewColumn(slug=one.slug, type=known[one.slug].type, label=known[one.slug].label or one.slug)
        if one.slug in known
        else one
        for one in _inferred(records)
    ]


def _inferred(records: Sequence[JsonObject]) -> list[contract.PreviewColumn]:
    types: dict[str, str] = {}
    for record in records:
        for slug, value in record.items():
            if types.get(slug, "any") == "any":
                types[slug] = _type(value)
    return [contract.PreviewColumn(slug=slug, type=kind, label=slug) for slug, kind in types.items()]


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds: tuple[tuple[type, str], ...] = ((str, "string"), (int, "number"), (float, "number"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "any")
