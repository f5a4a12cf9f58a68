"""Diagrams: the graph that is asked for, drawn."""

from __future__ import annotations

from sqlalchemy import select

from cargo_ai.contract.orchestration import diagram as contract
from cargo_ai.domains.orchestration import diagram_ascii, diagram_mermaid, door, known, run_reply
from cargo_ai.domains.orchestration.diagram_graph import Drawing, picture
from cargo_ai.domains.orchestration.tables import Release, Workflow
from cargo_ai.engine.tables import executions, runs
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.roomkit.context import Context
from cargo_ai.roomkit.handlers import handles

_WORKFLOWS = "cargo-ai orchestration workflow list"


@handles(contract.draw)
async def draw(ctx: Context, request: contract.DrawDiagram) -> contract.Diagram:
    """The diagram. What is wrong with the graph is a warning: unfinished graphs are drawn, too."""
    walked: dict[str, str] = {}
    if request.nodes is not None:
        nodes = [node.stored() for node in request.nodes]
    elif request.run_uuid is not None:
        nodes, walked = await _of_run(ctx, request.run_uuid)
    else:
        nodes = await _of_release(ctx, request)
    drawing = Drawing(picture(nodes), request.title, request.direction, request.highlight or (), request.paid or (), walked)
    warnings = [*drawing.warnings()]
    warnings += [f"Several nodes have the slug {slug}." for slug in known.repeated_slugs(nodes)]
    if request.format == "mermaid":
        return contract.Diagram(diagram=diagram_mermaid.render(drawing), format="mermaid", warnings=warnings)
    return contract.Diagram(diagram=diagram_ascii.render(drawing), format="ascii", warnings=warnings)


async def _of_release(ctx: Context, request: contract.DrawDiagram) -> list[JsonObject]:
    if request.release_uuid is not None:
        uid = ids.parse(request.release_uuid)
        found = await door.release_nodes(ctx.db, uid) if uid else None
        if found is None:
            contract.draw.refuse("releaseNotFound", cause=f"{request.release_uuid} is none.", fix="cargo-ai orchestration release list")
        return found
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


async def _of_run(ctx: Context, text: str) -> tuple[list[JsonObject], dict[str, str]]:
    """The graph of a run, and how each node that it came to went."""
    uid = ids.parse(text)
    query = select(runs.c.graph_uuid).where(runs.c.uuid == uid, runs.c.workspace_uuid == ctx.workspace)
    graph = await ctx.db.scalar(query) if uid else None
    if graph is None:
        contract.draw.refuse("runNotFound", uuid=text)
    nodes = (await run_reply.graphs_of(ctx.db, ctx.workspace, {graph})).get(graph, [])
    visited = await ctx.db.execute(
        select(executions.c.node_uuid, executions.c.status)
        .where(executions.c.run_uuid == uid, executions.c.workspace_uuid == ctx.workspace)
        .order_by(executions.c.seq)
    )
    return nodes, {row.node_uuid: row.status for row in visited}
