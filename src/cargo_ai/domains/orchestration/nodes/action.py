"""Actions: execute one on a record or on many, as a run or batch of a small graph."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.batches import batch as batch_contract
from cargo_ai.contract.orchestration.batches import batch_data as batch_kinds
from cargo_ai.contract.orchestration.nodes import action as contract
from cargo_ai.contract.orchestration.nodes.node import Node
from cargo_ai.contract.orchestration.runs import run as run_contract
from cargo_ai.domains.orchestration.batches import batch, webhook
from cargo_ai.domains.orchestration.nodes import action_graph
from cargo_ai.domains.orchestration.runs import resolve_graph, run
from cargo_ai.domains.orchestration.tables import Release, Tool, Workflow
from cargo_ai.domains.orchestration.templates import catalog as templates
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

_LIST = "cargo-ai orchestration action list"
Executing = Operation[Any, Any, Any]
Walked = dict[str, Any]
"""The graph of a run or batch: workflow_uuid and release_uuid, or nodes."""


@handles(contract.execute)
async def execute(ctx: Context, request: contract.ExecuteAction) -> run_contract.RunReply:
    """A run of a tool's workflow, or of a graph made for this one action."""
    data = cast("object", request.data)
    if not isinstance(data, dict):
        contract.execute.refuse("invalidData", cause='give a JSON object such as {"domain": "acme.com"}.')
    walked, (record,) = await _walked(ctx, contract.execute, request.action, [cast("JsonObject", data)])
    return await run.create(ctx, run_contract.CreateRun(data=record, **walked))


@handles(contract.execute_batch)
async def execute_batch(ctx: Context, request: contract.ExecuteActionBatch) -> batch_contract.BatchReply:
    """A batch of the same; its end is sent to a webhook."""
    if request.webhook_url is not None:
        webhook.check(ctx.settings, request.webhook_url)
    elif request.webhook_secret is not None:
        ctx.warn("webhookSecret does nothing without webhookUrl.")
    walked, records = await _walked(ctx, contract.execute_batch, request.action, request.all_records)
    started = await batch.start(ctx, batch_contract.CreateBatch(data=batch_kinds.RecordsData(kind="records", records=records), **walked))
    if request.webhook_url is not None:
        await webhook.register(ctx, started.batch.uuid, request.webhook_url, request.webhook_secret)
    return started


async def execute_action(ctx: Context, action: contract.Action, record: JsonObject) -> str:
    """Start the run of an action that the platform executes by itself, in the session's transaction; its uuid. Raises Refusal."""
    return (await execute(ctx, contract.ExecuteAction(action=action, data=record))).run.uuid


async def problem_of_action(ctx: Context, action: contract.Action) -> str | None:
    """Why an action cannot be executed, as a sentence; None when it can."""
    try:
        walked, _ = await _walked(ctx, contract.execute, action, [{}])
        graph = (walked.get("workflow_uuid"), walked.get("release_uuid"), walked.get("nodes"))
        await resolve_graph.resolve(ctx, run_contract.create, *graph, allow_plays=False)
    except Refusal as refusal:
        return refusal.message
    return None


async def _walked(
    ctx: Context, operation: Executing, action: contract.Action, records: list[JsonObject]
) -> tuple[Walked, list[JsonObject]]:
    """What to walk, and the records to walk it with."""
    if isinstance(action, contract.AgentAction) and action.agent_uuid is None:
        operation.refuse("nodesNotFound", cause="agents are named by agentUuid.", fix="cargo-ai ai agent list")
    if isinstance(action, contract.ToolAction):
        if action.retry is not None:
            ctx.warn("retry is for connector and native actions: a tool's own nodes are repeated by their own rules.")
        return await _tool(ctx, operation, action), [action.config | record for record in records] if action.config else records
    declared = ctx.actions.native(action.action_slug) if isinstance(action, contract.NativeAction) else None
    if declared is not None and declared.only_in_graphs:
        cause = f"{declared.slug} only means something inside a graph: run a graph with `run create --nodes`."
        operation.refuse("nodesNotFound", cause=cause, fix=_LIST)
    records = action_graph.completed(action, records)
    return {"nodes": action_graph.nodes(await ctx.all_actions(), action, records)}, records


async def _tool(ctx: Context, operation: Executing, action: contract.ToolAction) -> Walked:
    if action.tool_uuid is None and action.release_uuid is None:
        return {"nodes": _template(operation, action.template_slug or "")}
    if action.tool_uuid is None:
        workflow = await ctx.db.scalar(
            select(Release.workflow_uuid)
            .join(Workflow, Workflow.uuid == Release.workflow_uuid)
            .where(Release.uuid == ids.parse(action.release_uuid or ""), Workflow.kind == "tool")
        )
        if workflow is None:
            operation.refuse("invalidReleaseOrCustomNodes", cause=f"there is no release {action.release_uuid} of a tool.")
    else:
        workflow = await ctx.db.scalar(
            select(Tool.workflow_uuid).where(Tool.uuid == ids.parse(action.tool_uuid), Tool.deleted_at.is_(None))
        )
        if workflow is None:
            operation.refuse("nodesNotFound", cause=f"there is no tool {action.tool_uuid}.", fix="cargo-ai orchestration tool list")
    return {"workflow_uuid": str(workflow), "release_uuid": action.release_uuid}


def _template(operation: Executing, slug: str) -> list[Node]:
    """The nodes of a template that runs as it is."""
    template = templates.find(slug)
    if template is None or template["kind"] == "play":
        operation.refuse("nodesNotFound", cause=f"there is no tool template {slug}.", fix="cargo-ai orchestration template list")
    nodes = templates.fill(template["nodes"])
    left = templates.placeholders(nodes)
    if left:
        cause = f"the template {slug} has to be filled in first ({', '.join(left)}): make a tool of it."
        operation.refuse("nodesNotFound", cause=cause, fix=f"cargo-ai orchestration template get {slug}")
    return [Node.model_validate(node) for node in nodes]
