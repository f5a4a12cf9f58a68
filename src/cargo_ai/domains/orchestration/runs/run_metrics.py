"""Run metrics: how often each node was executed and with which result, from counters or executions."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select, true

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.runs import run as contract
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.runs.filters import run_filter
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.journal.shard_flush import HOUR
from cargo_ai.engine.journal.tables import batches, executions, node_metrics, runs
from cargo_ai.kernel import ids

_SUMS = ("total", "success", "error", "idle", "cancelled", "credits")


@handles(contract.get_metrics)
async def get_metrics(ctx: Context, request: contract.GetRunMetrics) -> contract.RunMetricsReply:
    """One row per node, in the order of the graph. Times that are whole hours need no look at executions."""
    workflow = await lookup.workflow_or_refuse(ctx.db, contract.get_metrics, request.workflow_uuid)
    bounds = [run_filter.milliseconds(at) for at in (request.created_after, request.created_before) if at is not None]
    within = any(bound % HOUR for bound in bounds)
    counted = await scan(ctx, run_filter.conditions(ctx.workspace, request)) if within else await _from_journal(ctx, request)
    nodes = await graph_of(ctx, workflow, request.batch_uuid, request.release_uuid)
    return contract.RunMetricsReply(run_metrics=[_metric(node, nodes.get(node), counts) for node, counts in sort_by_graph(counted, nodes)])


def sort_by_graph(counted: dict[str, dict[str, Any]], nodes: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
    """The counts by node in the order of the graph, zeros for nodes that none came to; what is no longer in it comes last."""
    order = {node: index for index, node in enumerate(nodes)}
    filled: dict[str, dict[str, Any]] = {node: dict.fromkeys(_SUMS, 0) for node in order}
    filled |= counted
    return sorted(filled.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


async def _from_journal(ctx: Context, request: contract.GetRunMetrics) -> dict[str, dict[str, Any]]:
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


async def scan(ctx: Context, where: Sequence[run_filter.Condition]) -> dict[str, dict[str, Any]]:
    """The counts by node from the executions themselves. O(executions of the runs that meet the conditions)."""
    # Run by run: a join would unpack all packed executions first.
    done = select(executions).where(executions.c.run_uuid == runs.c.uuid).offset(0).lateral("done")
    tables = run_filter.joined.join(done, true())
    query = (
        select(
            done.c.node_uuid,
            func.count().label("total"),
            func.count().filter(done.c.status == "success").label("success"),
            func.count().filter(done.c.status == "error").label("error"),
            func.coalesce(func.sum(done.c.credits), 0).label("credits"),
        )
        .select_from(tables)
        .where(*where)
        .group_by(done.c.node_uuid)
    )
    counted = {row["node_uuid"]: {"idle": 0, "cancelled": 0, **row} for row in (await ctx.db.execute(query)).mappings()}
    parked = (
        select(runs.c.position, func.count())
        .select_from(run_filter.joined)
        .where(*where, runs.c.status == "idle", runs.c.position.is_not(None))
        .group_by(runs.c.position)
    )
    for node, idle in await ctx.db.execute(parked):
        counted.setdefault(node, dict.fromkeys(_SUMS, 0))["idle"] = idle
    return counted


async def graph_of(ctx: Context, workflow: uuid.UUID, batch_uuid: str | None, release_uuid: str | None) -> dict[str, str]:
    """The slugs of the nodes whose order the rows follow, by uuid: those of the batch, the release, or what is deployed."""
    nodes: list[dict[str, Any]] | None = None
    if batch_uuid is not None:
        batch = ids.parse(batch_uuid)
        query = select(batches.c.graph_uuid).where(batches.c.uuid == batch, batches.c.workspace_uuid == ctx.workspace)
        graph = await ctx.db.scalar(query)
        nodes = (await run_response.graphs_of(ctx.db, ctx.workspace, {graph})).get(graph) if graph else None
    elif release_uuid is not None:
        release = ids.parse(release_uuid)
        nodes = await lookup.release_nodes(ctx.db, release) if release else None
    else:
        runnable = await lookup.runnable(ctx.db, workflow)
        nodes = runnable.nodes if runnable else None
    return {str(node["uuid"]): str(node["slug"]) for node in nodes or []}


def _metric(node: str, slug: str | None, counts: dict[str, Any]) -> contract.RunMetric:
    idle = max(0, int(counts["idle"]))
    return contract.RunMetric(
        node_uuid=node,
        node_slug=slug,
        total_executions_count=int(counts["total"]) + idle,
        idle_executions_count=idle,
        pending_executions_count=0,
        running_executions_count=0,
        success_executions_count=int(counts["success"]),
        error_executions_count=int(counts["error"]),
        cancelling_executions_count=0,
        cancelled_executions_count=int(counts["cancelled"]),
        skipped_executions_count=0,
        credits_used_count=run_response.number(float(counts["credits"])),
    )
