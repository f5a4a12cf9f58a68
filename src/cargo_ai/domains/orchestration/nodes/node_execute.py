"""Execute a node once, for real, in this process, without a run."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, cast

from pydantic_core import from_json
from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.nodes import node_trial as contract
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.nodes import node_compute, node_usage
from cargo_ai.domains.orchestration.nodes.node_trial import Graph, Trial, Waits, item_of
from cargo_ai.domains.orchestration.runs.run_response import number
from cargo_ai.domains.orchestration.tables import Release, Workflow
from cargo_ai.engine.graph.graph import InvalidGraph, Node, Retry, compile_graph, is_start
from cargo_ai.engine.graph.walk import Walk
from cargo_ai.expression import compile_config
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.ledger import reservations
from cargo_ai.store.driver import driver_connection

MAX_AT_ONCE = 4
SECONDS = 60.0

_going: set[uuid.UUID] = set()


@handles(contract.execute)
async def execute(ctx: Context, request: contract.ExecuteNode) -> contract.NodeOutcome:
    """What the node gives. Whatever is wrong with it is an outcome, too: `error` with a sentence."""
    graph = await _graph(ctx, request)
    await _require_credits(ctx, request)
    if len(_going) >= MAX_AT_ONCE:
        sentence = f"{MAX_AT_ONCE} nodes are being executed right now: try again in a few seconds."
        raise Refusal(429, "tooManyRequests", sentence, headers={"Retry-After": "2"})
    run = ids.new()
    _going.add(run)
    try:
        trial = Trial(ctx.workspace, graph, run, await ctx.all_actions())
        trial_outcome = await _in_time(ctx, request, trial)
    finally:
        _going.discard(run)
    await node_usage.count(ctx, run, trial.walks)
    return trial_outcome


async def _require_credits(ctx: Context, request: contract.ExecuteNode) -> None:
    """Refuse what the workspace cannot pay for. On a connection of its own, as `_graph`."""
    start = _START | {"childrenUuids": [str(request.node.uuid)]}
    async with ctx.database.session(ctx.workspace) as db:
        costs = await node_costs.run_costs(ctx.services, db, ctx.workspace, [start, request.node.stored()])
        await reservations.check(await driver_connection(db), ctx.workspace, costs.needed)


async def _in_time(ctx: Context, request: contract.ExecuteNode, trial: Trial) -> contract.NodeOutcome:
    try:
        async with asyncio.timeout(SECONDS):
            return await _executed(ctx, request, trial)
    except TimeoutError:
        return _failed(f"It took longer than {SECONDS:.0f} seconds. Have a run do it: cargo-ai orchestration run create.")


async def _graph(ctx: Context, request: contract.ExecuteNode) -> Graph:
    """The workflow and the release. Looked up on a connection of its own, which is not held while the node acts."""
    async with ctx.database.session(ctx.workspace) as db:
        workflow = await db.scalar(
            select(Workflow.uuid).where(Workflow.uuid == ids.parse(request.workflow_uuid), Workflow.deleted_at.is_(None))
        )
        if workflow is None:
            contract.execute.refuse("workflowNotFound", uuid=request.workflow_uuid, fix="cargo-ai orchestration workflow list")
        release = None
        if request.release_uuid is not None:
            query = select(Release.uuid).where(Release.uuid == ids.parse(request.release_uuid), Release.workflow_uuid == workflow)
            release = await db.scalar(query)
            if release is None:
                fix = f"cargo-ai orchestration release list --workflow-uuid {workflow}"
                contract.execute.refuse("releaseNotFound", uuid=request.release_uuid, workflow=workflow, fix=fix)
    return Graph(workflow, release)


async def _executed(ctx: Context, request: contract.ExecuteNode, trial: Trial) -> contract.NodeOutcome:
    raw = request.node.stored()
    action = trial.actions.find(raw)
    if action is not None and action.needs_run:
        return contract.NodeOutcome(status="pending", message=f"{action.slug} waits for others, which only a run can.")
    try:
        walk = _walk(trial, raw, request)
    except (InvalidGraph, ValueError) as error:
        return _failed(str(error))
    try:
        await trial.go(walk)
    except Waits as wait:
        return contract.NodeOutcome(status="pending", message=str(wait))
    entry = walk.entries[0]
    for warning in entry.warnings:
        ctx.warn(warning)
    spent = number(entry.credits)
    details: dict[str, Any] = {}
    if trial.items:
        details["group_items"] = [item_of(item, inner, problem) for item, inner, problem in trial.items]
    if entry.error is not None:
        return contract.NodeOutcome(status="error", message=entry.error, credits_used_count=spent, **details)
    if entry.child is not None:
        details["child_index"] = entry.child
    return contract.NodeOutcome(status="success", data=from_json(entry.output), credits_used_count=spent, **details)


def _walk(trial: Trial, raw: JsonObject, request: contract.ExecuteNode) -> Walk:
    """A walk that begins at the node and ends behind it. InvalidGraph when this server cannot execute it."""
    scope = node_compute.scope_of(request.context, request.group_context)
    nodes = cast("JsonObject", scope["nodes"])
    alone = raw | {"childrenUuids": [None] * len(raw.get("childrenUuids") or [None]), "fallbackChildUuid": None}
    program = compile_graph([alone] if is_start(raw) else [_START, alone], trial.actions)
    node: Node = program.nodes[str(raw["uuid"])]
    # One attempt: who tries a node wants to see how it fails.
    node.retry = Retry()
    if request.computed_config is not None:
        node.resolver = compile_config(request.computed_config, skip=frozenset(request.computed_config))
    return Walk(str(trial.run), program, nodes.get("start"), node, scope["parentNodes"], dict(nodes))


_START: JsonObject = {"uuid": "", "slug": "start", "kind": "native", "actionSlug": "start", "config": {}, "childrenUuids": []}


def _failed(message: str) -> contract.NodeOutcome:
    return contract.NodeOutcome(status="error", message=message, credits_used_count=0)
