"""Diagrams: the graph that is asked for, drawn."""

from __future__ import annotations

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration import diagram as contract
from cargo_ai.domains.orchestration.diagrams import diagram_run
from cargo_ai.domains.orchestration.tables import Release, Workflow
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

_WORKFLOWS = "cargo-ai orchestration workflow list"


@handles(contract.draw)
async def draw(ctx: Context, request: contract.DrawDiagram) -> contract.Diagram:
    """The diagram; of a run also how far it is, and where its next steps can be read when it is watched."""
    if request.run_uuid is not None:
        return await _of_run(ctx, request, request.run_uuid)
    nodes = [node.stored() for node in request.nodes] if request.nodes is not None else await _of_release(ctx, request)
    return diagram_run.draw(await ctx.all_actions(), nodes, request)


async def _of_release(ctx: Context, request: contract.DrawDiagram) -> list[JsonObject]:
    if request.release_uuid is not None:
        uid = ids.parse(request.release_uuid)
        release = await lookup.release_nodes(ctx.db, uid) if uid else None
        if release is None:
            contract.draw.refuse(
                "releaseNotFound", cause=f"{request.release_uuid} is not a release.", fix="cargo-ai orchestration release list"
            )
        return release
    query = select(Workflow.uuid).where(Workflow.uuid == ids.parse(request.workflow_uuid or ""), Workflow.deleted_at.is_(None))
    workflow = await ctx.db.scalar(query)
    if workflow is None:
        contract.draw.refuse("workflowNotFound", uuid=request.workflow_uuid, fix=_WORKFLOWS)
    status = "draft" if request.draft else "deployed"
    nodes = await ctx.db.scalar(select(Release.nodes).where(Release.workflow_uuid == workflow, Release.status == status))
    if nodes is None:
        fix = f"cargo-ai orchestration node diagram --workflow-uuid {workflow} --draft"
        contract.draw.refuse("releaseNotFound", cause=f"workflow {workflow} has nothing {status}.", fix=fix)
    return nodes


async def _of_run(ctx: Context, request: contract.DrawDiagram, text: str) -> contract.Diagram:
    uid = ids.parse(text)
    walked = await diagram_run.look(ctx.db, ctx.workspace, uid) if uid else None
    if walked is None:
        contract.draw.refuse("runNotFound", uuid=text)
    goes_on = request.watch and not walked.over
    url = exports.sign(ctx, "diagram", diagram_run.asked(request), "ndjson") if goes_on else None
    return diagram_run.draw(await ctx.all_actions(), walked.nodes, request, walked, url)
