"""Batch preview: show the records that a batch would enrol, before it is created."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.batches import batch_data as batch_kinds
from cargo_ai.contract.orchestration.batches import batch_preview as contract
from cargo_ai.domains.orchestration.batches import batch_data, batch_records
from cargo_ai.domains.orchestration.runs.resolve_graph import Target
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.domains.orchestration.workflows.lookup import Runnable
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
    spec = RunSpec(ctx.workspace, runnable.workflow_uuid, ctx.who.user_uuid, runnable.release_uuid, runnable.nodes or [])
    batch_input = _to_batch_input(request.data)
    if not isinstance(request.data, batch_kinds.ScheduleData):
        _refuse_kind(runnable, batch_input)
    data = await _to_stored(ctx, Target(spec, runnable), batch_input)
    try:
        peek = await batch_records.peek(ctx, spec, data, batch_input, contract.MAX_RECORDS)
    except SourceFailed as error:
        contract.preview.refuse("failedToFetchFromClient", cause=str(error))
    return contract.PreviewReply(records=peek.records, columns=await _columns(ctx, data, peek.records), count=peek.count)


def _items(data: contract.GroupToPreview) -> contract.PreviewReply:
    records = group.read_items({"items": data.items})
    if isinstance(records, Failed):
        raise invalid_input([{"path": "data.items", "message": records.message}])
    first = records[: contract.MAX_RECORDS]
    return contract.PreviewReply(records=first, columns=_infer(first), count=len(records))


def _to_batch_input(data: Any) -> batch_kinds.BatchInput:
    """The same data as `batch create` takes it. What a play enrols by itself comes from its segment."""
    if isinstance(data, contract.FileToPreview):
        return batch_kinds.FileData(kind="file", s3Filename=data.s3_filename, mappings=data.mappings)
    if isinstance(data, contract.RunsToPreview):
        filter = batch_kinds.RunsOfBatch(kind="runs", uuids=data.run_uuids)
        return batch_kinds.RunsData(kind="runs", filter=filter, reset=data.reset)
    if isinstance(data, batch_kinds.ScheduleData):
        return batch_kinds.SegmentData(kind="segment", segment_uuid=data.segment_uuid)
    return data


def _refuse_kind(workflow: Runnable, batch_input: batch_kinds.BatchInput) -> None:
    problem = batch_data.kind_problem(workflow, batch_input.kind)
    if problem is not None:
        reason = "modelLinkedToWorkflow" if workflow.kind == "play" else "noModelLinkedToWorkflow"
        contract.preview.refuse(reason, kind=batch_input.kind, cause=problem)


async def _to_stored(ctx: Context, target: Target, batch_input: batch_kinds.BatchInput) -> JsonObject:
    """The data as a batch would store it; what is wrong with it is refused as `preview` does."""
    try:
        return await batch_data.to_stored(ctx, ids.new(), target, batch_input)
    except Refusal as refusal:
        reason = refusal.details.get("dataError", {}).get("reason")
        if reason == "failedToGetSegment" and isinstance(batch_input, batch_kinds.SegmentData):
            contract.preview.refuse("segmentNotFound", uuid=batch_input.segment_uuid, fix="cargo-ai segmentation segment list")
        raise invalid_input([{"path": "data", "message": refusal.message}]) from None


async def _columns(ctx: Context, data: JsonObject, records: Sequence[JsonObject]) -> list[contract.PreviewColumn]:
    """The columns of the records; of those of a model as the model has them."""
    model = ids.parse(str(data.get("modelUuid") or ""))
    relation = await storage.relation(ctx.db, model) if model else None
    known = {column.slug: column for column in relation.columns} if relation else {}
    return [
        contract.PreviewColumn(slug=column.slug, type=known[column.slug].type, label=known[column.slug].label or column.slug)
        if column.slug in known
        else column
        for column in _infer(records)
    ]


def _infer(records: Sequence[JsonObject]) -> list[contract.PreviewColumn]:
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
