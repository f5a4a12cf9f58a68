"""Explain records: say why a record went through a workflow as it did, or never entered it."""

from __future__ import annotations

import json
import uuid

from sqlalchemy import select, text

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.insight import explain as contract
from cargo_ai.domains.orchestration.insight.explanations import explain
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.tables import Play, Release
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch.enumerate import SourceFailed
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel import ids
from cargo_ai.records import rows
from cargo_ai.store.driver import driver_connection

_WAITING = text(
    "select uuid from batches where workspace_uuid = :workspace and workflow_uuid = :workflow and finished_ms is null and not enumerated"
    " order by uuid desc limit 1"
)

_OWN = "Since then only runs of this play have changed the record, and what a play writes does not start it."


@handles(contract.explain_record)
async def explain_record(ctx: Context, request: contract.ExplainRecord) -> contract.ExplanationReply:
    """The explanation of the record's latest run; without one, what keeps the record out."""
    workflow = await lookup.workflow_or_refuse(ctx.db, contract.explain_record, request.workflow_uuid)
    model = ids.parse(request.model_uuid) if request.model_uuid is not None else None
    if request.model_uuid is not None and (model is None or not await storage.model_exists(ctx.db, model)):
        contract.explain_record.refuse("modelNotFound", uuid=request.model_uuid)
    latest = run_response.query(ctx.workspace).where(
        runs.c.workflow_uuid == workflow, runs.c.record_id == request.id, runs.c.parent_uuid.is_(None)
    )
    row = (await ctx.db.execute(latest.order_by(runs.c.uuid.desc()).limit(1))).mappings().one_or_none()
    if row is None:
        return contract.ExplanationReply(explanation=await _explain_missing_run(ctx, workflow, model, request.id))
    explanation = await explain.of_run(ctx, row)
    play = await ctx.db.scalar(select(Play).where(Play.workflow_uuid == workflow, Play.deleted_at.is_(None)))
    if play is not None and row["finished_ms"] is not None:
        aside = await segmentation.last_excluded_at(ctx.db, play.segment_uuid, request.id)
        if aside is not None and aside.timestamp() * 1000 >= row["created_ms"]:
            explanation = explanation.model_copy(update={"sentence": f"{explanation.sentence} {_OWN}"})
    return contract.ExplanationReply(explanation=explanation)


async def _explain_missing_run(ctx: Context, workflow: uuid.UUID, model: uuid.UUID | None, record: str) -> contract.Explanation:
    play = await ctx.db.scalar(select(Play).where(Play.workflow_uuid == workflow, Play.deleted_at.is_(None)))
    model = model or (play.model_uuid if play else None)
    if model is not None and (explanation := await _missing(ctx, workflow, model, record)) is not None:
        return explanation
    runnable = await lookup.runnable(ctx.db, workflow)
    if runnable is None or runnable.release_uuid is None:
        return explain.of_no_run(workflow, record, "nothingDeployed", *await _to_deploy(ctx, workflow))
    if play is None:
        data = json.dumps({"_id": record})
        sentence = "This workflow runs on demand, and no run has been requested for this record."
        fix = f"cargo-ai orchestration run create --workflow-uuid {workflow} --data '{_quote(data)}'"
        return explain.of_no_run(workflow, record, "runsOnDemand", sentence, fix)
    return await _kept_out(ctx, play, model or play.model_uuid, record)


async def _to_deploy(ctx: Context, workflow: uuid.UUID) -> tuple[str, str]:
    """A sentence about a workflow that has nothing deployed, and the command to run next."""
    sentence = "The workflow has nothing deployed, so nothing can run through it."
    drawn = await ctx.db.scalar(select(Release.nodes).where(Release.workflow_uuid == workflow, Release.status == "draft"))
    if drawn:
        return sentence, f"cargo-ai orchestration draft-release deploy --workflow-uuid {workflow}"
    return f"{sentence} Its draft is empty: templates are a beginning.", "cargo-ai orchestration template list"


async def _missing(ctx: Context, workflow: uuid.UUID, model: uuid.UUID, record: str) -> contract.Explanation | None:
    relation = await storage.relation(ctx.db, model)
    if relation is None or await rows.existing_ids(await driver_connection(ctx.db), relation, [record]):
        return None
    fix = f"cargo-ai storage record list --model-uuid {model}"
    return explain.of_no_run(workflow, record, "noRecord", f"The model has no record with the id {record}.", fix)


async def _kept_out(ctx: Context, play: Play, model: uuid.UUID, record: str) -> contract.Explanation:
    """What keeps a record of the workspace out of a play."""
    by_hand = json.dumps({"kind": "recordIds", "recordIds": [record]})
    enrol = f"cargo-ai orchestration batch create --workflow-uuid {play.workflow_uuid} --data '{_quote(by_hand)}'"
    if model != play.model_uuid:
        sentence = f"The play {play.name!r} runs on records of another model, {play.model_uuid}."
        return explain.of_no_run(play.workflow_uuid, record, "otherModel", sentence, f"cargo-ai orchestration play get {play.uuid}")
    batch = await ctx.db.scalar(_WAITING, {"workspace": ctx.workspace, "workflow": play.workflow_uuid})
    if batch is not None:
        sentence = f"Batch {batch} of the play is still reading its records: this one may be among them."
        return explain.of_no_run(play.workflow_uuid, record, "batchWaiting", sentence, f"cargo-ai orchestration batch get {batch}")
    if not await _in_segment(ctx, play, record):
        sentence = f"The record is not in the segment of the play {play.name!r}: its filter does not take it."
        fix = f"cargo-ai segmentation segment get {play.segment_uuid}"
        return explain.of_no_run(play.workflow_uuid, record, "notInSegment", sentence, fix)
    if not play.is_enabled:
        sentence = f"The play {play.name!r} is disabled, so no change enrols a record."
        fix = f"cargo-ai orchestration play update {play.uuid} --is-enabled true"
        return explain.of_no_run(play.workflow_uuid, record, "playDisabled", sentence, fix)
    if play.schedule is None:
        sentence = f"The play {play.name!r} has no schedule: it runs when a batch is started by hand."
        return explain.of_no_run(play.workflow_uuid, record, "neverScheduled", sentence, enrol)
    if await segmentation.last_excluded_at(ctx.db, play.segment_uuid, record) is not None:
        return explain.of_no_run(play.workflow_uuid, record, "ownChange", _OWN.replace("Since then only", "Only"), enrol)
    kinds = " or ".join(str(kind) for kind in play.change_kinds)
    sentence = f"The record is in the play's segment, but has not been {kinds} since the play was enabled and last looked."
    return explain.of_no_run(play.workflow_uuid, record, "notChanged", sentence, enrol)


async def _in_segment(ctx: Context, play: Play, record: str) -> bool:
    """Whether the play's segment has the record now. It asks for this one record only."""
    inside = {"kind": "segment", "operator": "in", "segmentUuid": str(play.segment_uuid)}
    by_id = {"kind": "string", "columnSlug": "_id", "operator": "is", "values": [record]}
    filter = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [by_id, inside]}]}
    chunks = segmentation.filter_chunks(ctx.database, ctx.workspace, play.model_uuid, (filter, None, 1), ids.new(), 0)
    try:
        async for chunk in chunks:
            if chunk:
                return True
    except SourceFailed:
        return False
    return False


def _quote(text: str) -> str:
    """A text inside the single quotes of a shell."""
    return text.replace("'", "'\\''")
