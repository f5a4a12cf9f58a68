"""Spans: list and count the executions of all runs, each with its run and parents."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import RowMapping, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.fields import NodeKind
from cargo_ai.contract.orchestration.insight import span as contract
from cargo_ai.contract.orchestration.runs.run import CountReply
from cargo_ai.domains.orchestration.insight.spans import span_filter
from cargo_ai.domains.orchestration.nodes import node_connectors
from cargo_ai.domains.orchestration.nodes.node_connectors import DefaultConnectors
from cargo_ai.domains.orchestration.runs import bounded_count, run_response
from cargo_ai.domains.orchestration.runs.bounded_count import Count
from cargo_ai.domains.orchestration.runs.filters import run_filter
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel.wire import JsonObject

SPANS_OF_RUN = 5
"""Counting looks at a fifth as many runs as spans are asked for."""
MAX_RUNS = 10_000
"""A list looks at this many runs for spans that no index finds."""
_NOT_OLDER = (
    f"Spans of the newest {MAX_RUNS:,} runs are shown: name a workflow, a batch or a run, or an earlier time (executionStartedBefore),"
    " to see older ones."
)
Graphs = Sequence[uuid.UUID] | None
"""Those that the runs in question walk; None: any."""
Conditions = tuple[str, dict[str, Any]]
"""What spans have to be, and the values that are bound to it."""
Below = dict[tuple[uuid.UUID, str], tuple[str | None, str]]
"""By run and node: the batch and the run that the node has started."""


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListSpans) -> contract.SpansReply:
    """Spans, those of the newest run first; within a run the last one first."""
    counted = request.count_up_to // SPANS_OF_RUN
    if span_filter.is_indexed(request):
        await bounded_count.without_helpers(ctx.db)
    default_of = await node_connectors.default_for(ctx.db, request.node_connector_uuid)
    walked = await span_filter.graphs_with_node(ctx.db, ctx.workspace, request, default_of)
    if walked == []:
        return contract.SpansReply(spans=[], count=0, is_count_exact=True)
    where = span_filter.where(request, default_of)
    near = await _floor(ctx, request, counted)
    rows = await _page(ctx, request, where, near, walked)
    if near is not None and len(rows) < request.limit:
        far = None if span_filter.is_indexed(request) else await _floor(ctx, request, max(counted, MAX_RUNS))
        rows = await _page(ctx, request, where, far, walked)
        if far is not None and len(rows) < request.limit:
            ctx.warn(_NOT_OLDER)
    graphs = await run_response.graphs_of(ctx.db, ctx.workspace, {row["graph_uuid"] for row in rows})
    below = await _below(ctx, rows)
    nodes = {graph: {str(node["uuid"]): node for node in graph_nodes} for graph, graph_nodes in graphs.items()}
    defaults = await node_connectors.defaults_of(ctx.db, graphs.values())
    spans = [_to_response(row, nodes.get(row["graph_uuid"], {}).get(row["node_uuid"], {}), below, defaults) for row in rows]
    count, is_exact = await _count(ctx, request, where, near, walked)
    return contract.SpansReply(spans=spans, count=max(count, len(spans)), is_count_exact=is_exact)


@handles(contract.count)
async def count(ctx: Context, request: contract.CountSpans) -> CountReply:
    """How many spans match, as far as was asked for."""
    if span_filter.is_indexed(request):
        await bounded_count.without_helpers(ctx.db)
    default_of = await node_connectors.default_for(ctx.db, request.node_connector_uuid)
    walked = await span_filter.graphs_with_node(ctx.db, ctx.workspace, request, default_of)
    if walked == []:
        return CountReply(count=0, is_count_exact=True)
    where, near = span_filter.where(request, default_of), await _floor(ctx, request, request.count_up_to // SPANS_OF_RUN)
    count, is_exact = await _count(ctx, request, where, near, walked)
    return CountReply(count=count, is_count_exact=is_exact)


async def _page(
    ctx: Context, request: contract.ListSpans, conditions: Conditions, floor: uuid.UUID | None, graphs: Graphs
) -> Sequence[RowMapping]:
    """Each part is read in its order, from its end: never more of it than is shown."""
    where, values = conditions
    sources = span_filter.parts(ctx.workspace, request, floor, graphs)
    order = "order by s.run_uuid desc, s.seq desc"
    parts = (f"(select s.* from {part} where {where} {order} limit :most)" for part in sources)  # noqa: S608 - our own texts
    page = f"select s.* from ({' union all '.join(parts)}) s {order} limit :limit offset :offset"  # noqa: S608 - our own texts
    most = request.limit + request.offset
    result = await ctx.db.execute(text(page), values | {"limit": request.limit, "offset": request.offset, "most": most})
    return result.mappings().all()


async def _floor(ctx: Context, request: contract.CountSpans, looked_at: int) -> uuid.UUID | None:
    """The oldest of this many runs, unless an index finds what is asked for: most filters are about nodes, which have none."""
    if span_filter.is_selective(request):
        return None
    filters = {name: getattr(request, name) for name in ("workflow_uuid", "batch_uuid")}
    filters["created_before"] = request.execution_started_before
    return await bounded_count.nth_run(ctx.db, run_filter.matching(ctx.workspace, filters), looked_at)


async def _count(ctx: Context, request: contract.CountSpans, conditions: Conditions, floor: uuid.UUID | None, graphs: Graphs) -> Count:
    where, values = conditions
    sources = span_filter.parts(ctx.workspace, request, floor, graphs, counted=True)
    parts = (f"(select 1 from {part} where {where} limit :most)" for part in sources)  # noqa: S608 - our own texts
    total = f"select count(*) from ({' union all '.join(parts)}) s"  # noqa: S608 - our own texts
    count = int(await ctx.db.scalar(text(total), values | {"most": request.count_up_to + 1}) or 0)
    return Count(min(count, request.count_up_to), count <= request.count_up_to and floor is None)


async def _below(ctx: Context, rows: Sequence[RowMapping]) -> Below:
    """What the nodes of these spans have started. One more statement, however many spans."""
    parents = {row["run_uuid"] for row in rows}
    if not parents:
        return {}
    query = (
        select(runs.c.parent_uuid, runs.c.parent_node_uuid, runs.c.batch_uuid, runs.c.uuid)
        .ext(distinct_on(runs.c.parent_uuid, runs.c.parent_node_uuid))
        .where(runs.c.workspace_uuid == ctx.workspace, runs.c.parent_uuid.in_(parents), runs.c.uuid >= min(parents))
        .order_by(runs.c.parent_uuid, runs.c.parent_node_uuid, runs.c.uuid)
    )
    below: Below = {}
    for parent, node, batch, run in await ctx.db.execute(query):
        below[(parent, node)] = (str(batch) if batch else None, str(run))
    return below


def _to_response(row: RowMapping, node: JsonObject, below: Below, defaults: DefaultConnectors) -> contract.Span:
    finished = run_response.timestamp_or_none(row["finished_ms"])
    started = run_response.timestamp(row["started_ms"])
    batch, run = below.get((row["run_uuid"], row["node_uuid"]), (None, None))
    same: dict[str, Any] = {
        name: row[name]
        for name in (
            *("workspace_uuid", "workflow_uuid", "user_uuid", "batch_uuid", "trace_uuid", "record_id", "record_title", "run_uuid"),
            *("parent_node_uuid", "parent_batch_uuid", "parent_agent_uuid", "parent_chat_uuid", "parent_message_uuid", "is_group_parent"),
        )
    }
    return contract.Span(
        **same,
        runContextS3Filename=f"runs/{row['run_uuid']}/context.json",
        runComputedConfigsS3Filename=f"runs/{row['run_uuid']}/computed-configs.json",
        parent_run_uuid=row["parent_uuid"],
        node_uuid=row["node_uuid"],
        node_kind=cast("NodeKind", node.get("kind", "native")),
        node_slug=row["node_slug"] or "",
        node_action_slug=str(node.get("actionSlug") or node.get("kind") or ""),
        node_connector_uuid=node_connectors.connector_of(node, defaults),
        node_integration_slug=node.get("integrationSlug"),
        node_tool_uuid=node.get("toolUuid"),
        node_agent_uuid=node.get("agentUuid"),
        node_release_uuid=node.get("releaseUuid"),
        node_batch_uuid=batch if batch != str(row["batch_uuid"]) else None,
        # A group starts many: which of them is for the filter `parentRunUuid` to say.
        node_run_uuid=run if node.get("kind") in {"tool", "agent"} else None,
        node_message_uuid=None,
        node_child_index=row["child_index"],
        node_wait_until_finished=node.get("waitUntilFinished") is not False,
        node_next_uuid=row["next_node_uuid"],
        execution_index=row["seq"],
        execution_status=row["status"],
        execution_error_message=row["error_message"],
        execution_title=row["title"],
        execution_icon_url=None,
        execution_credits_used_count=run_response.number(float(row["credits"])),
        execution_started_at=started,
        execution_updated_at=finished or started,
        execution_finished_at=finished,
    )
