"""Runs: create, show, list and count them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import false, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.runs import run as contract
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.nodes import node_connectors
from cargo_ai.domains.orchestration.retention.archived_runs import find_command
from cargo_ai.domains.orchestration.reviews import pending_reviews
from cargo_ai.domains.orchestration.runs import bounded_count, one_run, resolve_graph, run_response
from cargo_ai.domains.orchestration.runs.bounded_count import Count
from cargo_ai.domains.orchestration.runs.filters import run_filter, text_search
from cargo_ai.domains.orchestration.runs.known_graphs import KnownGraphs
from cargo_ai.domains.orchestration.runs.page_positions import PagePositions
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.dispatch import concurrency, submit
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.journal.tables import batches, runs
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid, JsonObject
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection

_COUNTED = {"success", "error", "cancelled"}
_WORKFLOWS = "cargo-ai orchestration workflow list"


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateRun) -> contract.RunReply:
    """Start a run: its row and its job exist exactly when the request's transaction commits."""
    graph = (request.workflow_uuid, request.release_uuid, request.nodes)
    target = await resolve_graph.resolve(ctx, contract.create, *graph, allow_plays=False)
    spec, standing = target.spec, target.workflow.standing
    data: object = request.data
    if not isinstance(data, dict):
        contract.create.refuse("invalidData", cause='give a JSON object such as {"domain": "acme.com"}.')
    connection, most = await driver_connection(ctx.db), ctx.settings.max_concurrent_runs
    # What a play does by itself, without a token, is not to be lost: it waits.
    if most and ctx.who.token_uuid.int and await concurrency.is_limit_reached(connection, ctx.workspace, most):
        contract.create.refuse("concurrencyLimitReached", limit=most, fix="cargo-ai server queue")
    denied = None if standing is None else standing.overage == "deny"
    costs = await node_costs.run_costs(ctx.services, ctx.db, ctx.workspace, spec.nodes, denied=denied)
    row = await submit.submit_run(connection, producer(most), spec, cast("JsonObject", data), costs)
    outputs = None if standing is None or submit.is_large(cast("JsonObject", data)) else standing.outputs
    await quotas.require(connection, ctx.workspace, "outputBytes", ctx.settings, 1, outputs)
    ctx.begun.append(str(row["uuid"]))
    return contract.RunReply(run=run_response.to_response(row, [dict(node) for node in spec.nodes], []))


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.RunDetailReply:
    """A run with everything that its nodes gave."""
    uid = ids.parse(request.uuid)
    row = await one_run.find(ctx.db, ctx.workspace, uid) if uid else None
    fix = await find_command(ctx, uid) if row is None else None
    row = found_or_refuse(contract.get, row, "runNotFound", fix=fix, uuid=request.uuid)
    entries, context, configs = await run_response.details(ctx.db, ctx.files, ctx.workspace, row["uuid"])
    nodes = await ctx.services.once(KnownGraphs, KnownGraphs).find(ctx.db, ctx.workspace, row["graph_uuid"])
    started = await run_response.tool_runs(ctx.db, ctx.workspace, [row["uuid"]], [nodes])
    defaults = await node_connectors.defaults_of(ctx.db, [nodes])
    run = run_response.to_response(row, nodes, entries, started, defaults)
    waiting = [row["uuid"]] if row["status"] == "idle" and row["waiting_for"] is None else []
    waits = (await pending_reviews.of_runs(ctx.db, waiting)).get(row["uuid"])
    run = run.model_copy(update={"waits_for_review": waits}) if waits is not None else run
    return contract.RunDetailReply(run=run, run_context=context, run_computed_configs=configs)


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListRuns) -> contract.RunsReply:
    """Runs, newest first."""
    if not await _known(ctx, request):
        contract.list_.refuse("workflowNotFound", uuid=request.workflow_uuid, fix=_WORKFLOWS)
    filters = await text_search.with_rare_words(ctx.db, ctx.workspace, run_filter.filters_of(request))
    last = None if request.after is None else ids.parse(request.after)
    behind = [] if request.after is None else [runs.c.uuid < last if last else false()]

    def alternatives(floor: uuid.UUID | None) -> bounded_count.Alternatives:
        return [[*where, *behind] for where in run_filter.alternatives(ctx.workspace, filters, known=True, floor=floor)]

    floor = await bounded_count.floor_of(ctx.db, ctx.workspace, filters, request.count_up_to)
    positions = ctx.services.once(PagePositions, PagePositions)
    page = positions.page(ctx.workspace, request, request.limit, request.offset)
    rows = await bounded_count.newest_runs(ctx.db, run_response.query(ctx.workspace), alternatives, page, floor)
    positions.remember(ctx.workspace, request, request.offset, [row["uuid"] for row in rows])
    count, is_exact = bounded_count.of_last_page(request, rows) or await _count(ctx, request, filters, floor)
    return contract.RunsReply(
        runs=await run_response.to_responses(ctx.db, ctx.workspace, rows), count=max(count, len(rows)), is_count_exact=is_exact
    )


@handles(contract.count)
async def count(ctx: Context, request: contract.CountRuns) -> contract.CountReply:
    """How many runs match, as far as was asked for; from the counters where a finished batch is named."""
    if not await _known(ctx, request):
        contract.count.refuse("workflowNotFound", uuid=request.workflow_uuid, fix=_WORKFLOWS)
    filters = await text_search.with_rare_words(ctx.db, ctx.workspace, run_filter.filters_of(request))
    floor = await bounded_count.floor_of(ctx.db, ctx.workspace, filters, request.count_up_to)
    count, is_exact = await _count(ctx, request, filters, floor)
    return contract.CountReply(count=count, is_count_exact=is_exact)


async def _known(ctx: Context, request: contract.CountRuns) -> bool:
    """Whether the workflow that the filter names, if it names one, is or was one of the workspace's."""
    if request.workflow_uuid is None:
        return True
    uid = ids.parse(request.workflow_uuid)
    return uid is not None and await lookup.workflow_exists(ctx.db, uid)


async def _count(ctx: Context, request: contract.CountRuns, filters: Mapping[str, Any], floor: uuid.UUID | None) -> Count:
    counted = await _from_counters(ctx, request)
    if counted is not None:
        return Count(counted, is_exact=True)
    alternatives = run_filter.alternatives(ctx.workspace, filters, known=True, floor=floor)
    return await bounded_count.count_runs(ctx.db, alternatives, request.count_up_to, is_all=floor is None)


async def _from_counters(ctx: Context, request: contract.CountRuns) -> int | None:
    """The count of a finished batch's runs by final status, without looking at them; None when the filter asks for more."""
    filters = request.model_dump(exclude_none=True, exclude={"limit", "offset", "after", "workflow_uuid", "count_up_to"})
    batch = ids.parse(filters.pop("batch_uuid", ""))
    statuses: set[str] = set(filters.pop("statuses", None) or ())
    if batch is None or filters or not statuses <= _COUNTED:
        return None
    query = select(batches).where(batches.c.uuid == batch, batches.c.workspace_uuid == ctx.workspace, batches.c.finished_ms.is_not(None))
    row = (await ctx.db.execute(query)).mappings().one_or_none()
    if row is None or (request.workflow_uuid is not None and str(row["workflow_uuid"]) != request.workflow_uuid):
        return None
    by_status = {
        "success": row["executed_count"] - row["failed_count"],
        "error": row["failed_count"],
        "cancelled": row["cancelled_count"],
    }
    return int(sum(by_status[name] for name in statuses)) if request.statuses is not None else int(row["cursor"])
