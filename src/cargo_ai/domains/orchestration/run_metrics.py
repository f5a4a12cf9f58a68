"""Run metrics: how often each node was executed and how it went, from counters that the engine keeps."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import func, select

from cargo_ai.contract.orchestration import run as contract
from cargo_ai.domains.orchestration import door, run_filter, run_reply
from cargo_ai.engine.journal import HOUR
from cargo_ai.engine.tables import batches, executions, node_metrics, runs
from cargo_ai.kernel import ids
from cargo_ai.roomkit.context import Context
from cargo_ai.roomkit.handlers import handles

_SUMS = ("total", "success", "error", "idle", "cancelled", "credits")


@handles(contract.get_metrics)
async def get_metrics(ctx: Context, request: contract.GetRunMetrics) -> contract.RunMetricsReply:
    """One row per node, in the order of the graph. Times that are whole hours need no look at executions."""
    workflow = ids.parse(request.workflow_uuid)
    if workflow is None or not await door.workflow_exists(ctx.db, workflow):
        contract.get_metrics.refuse("workflowNotFound", uuid=request.workflow_uuid)
    bounds = [run_filter.milliseconds(at) for at in (request.created_after, request.created_before) if at is not None]
    counted = await (_scanned if any(bound % HOUR for bound in bounds) else _kept)(ctx, request)
    order = {node: index for index, node in enumerate(await _graph(ctx, request, workflow))}
    for node in order:
        counted.setdefault(node, dict.fromkeys(_SUMS, 0))
    rows = sorted(counted.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
    return contract.RunMetricsReply(run_metrics=[_metric(node, counts) for node, counts in rows])


async def _kept(ctx: Context, request: contract.GetRunMetrics) -> dict[str, dict[str, Any]]:
    where = [node_metrics.c.workspace_uuid == ctx.workspace, node_metrics.c.workflow_uuid == ids.parse(request.workflow_uuid)]
    for text, column in ((request.release_uuid, node_metrics.c.release_uuid), (request.batch_uuid, node_metrics.c.batch_uuid)):
        if text is not None:
            where.append(column == (ids.parse(text) or uuid.UUID(int=1)))
    if request.created_after is not None:
        where.append(node_metrics.c.hour >= run_filter.milliseconds(request.created_after) // HOUR)
    if request.created_before is not None:
        where.append(node_metrics.c.hour < run_filter.milliseconds(request.created_before) // HOUR)
    sums = [func.sum(node_metrics.c[name]).label(name) for name in _SUMS]
    rows = await ctx.db.execute(select(node_metrics.c.node_uuid, *sums).where(*where).group_by(node_metrics.c.node_uuid))
    return {row["node_uuid"]: dict(row) for row in rows.mappings()}


async def _scanned(ctx: Context, request: contract.GetRunMetrics) -> dict[str, dict[str, Any]]:
    """The same from the executions themselves, for moments within an hour. O(executions of the time span)."""
    tables = run_filter.joined.join(executions, executions.c.run_uuid == runs.c.uuid)
    query = (
        select(
            executions.c.node_uuid,
            func.count().label("total"),
            func.count().filter(executions.c.status == "success").label("success"),
            func.count().filter(executions.c.status == "error").label("error"),
            func.coalesce(func.sum(executions.c.credits), 0).label("credits"),
        )
        .select_from(tables)
        .where(*run_filter.conditions(ctx.workspace, request))
        .group_by(executions.c.node_uuid)
    )
    counted = {row["node_uuid"]: {"idle": 0, "cancelled": 0, **row} for row in (await ctx.db.execute(query)).mappings()}
    parked = (
        select(runs.c.position, func.count())
        .select_from(run_filter.joined)
        .where(*run_filter.conditions(ctx.workspace, request), runs.c.status == "idle", runs.c.position.is_not(None))
        .group_by(runs.c.position)
    )
    for node, idle in await ctx.db.execute(parked):
        counted.setdefault(node, dict.fromkeys(_SUMS, 0))["idle"] = idle
    return counted


async def _graph(ctx: Context, request: contract.GetRunMetrics, workflow: uuid.UUID) -> list[str]:
    """The nodes whose order the rows follow: those of the batch, the release, or what is deployed."""
    nodes: list[dict[str, Any]] | None = None
    if request.batch_uuid is not None:
        batch = ids.parse(request.batch_uuid)
        query = select(batches.c.graph_uuid).where(batches.c.uuid == batch, batches.c.workspace_uuid == ctx.workspace)
        graph = await ctx.db.scalar(query)
        nodes = (await run_reply.graphs_of(ctx.db, ctx.workspace, {graph})).get(graph) if graph else None
    elif request.release_uuid is not None:
        release = ids.parse(request.release_uuid)
        nodes = await door.release_nodes(ctx.db, release) if release else None
    else:
        runnable = await door.runnable(ctx.db, workflow)
        nodes = runnable.nodes if runnable else None
    return [str(node["uuid"]) for node in nodes or []]


def _metric(node: str, counts: dict[str, Any]) -> contract.RunMetric:
    idle = max(0, int(counts["idle"]))
    return contract.RunMetric(
        node_uuid=node,
        total_executions_count=int(counts["total"]) + idle,
        idle_executions_count=idle,
        pending_executions_count=0,
        running_executions_count=0,
        success_executions_count=int(counts["success"]),
        error_executions_count=int(counts["error"]),
        cancelling_executions_count=0,
        cancelled_executions_count=int(counts["cancelled"]),
        skipped_executions_count=0,
        credits_used_count=run_reply.number(float(counts["credits"])),
    )
