"""Records: list, count, measure and cancel the latest run of each record of a workflow."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration import record as contract
from cargo_ai.contract.orchestration.fields import RecordStatus
from cargo_ai.contract.orchestration.runs import run as run_contract
from cargo_ai.domains.orchestration.runs import bounded_count, run_cancel, run_metrics, run_response
from cargo_ai.domains.orchestration.runs.bounded_count import Count
from cargo_ai.domains.orchestration.runs.filters import record_filter, run_filter, text_search
from cargo_ai.domains.orchestration.runs.page_positions import PagePositions
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel.wire import Counted

MAX_CANCELLED = 2_000
LOOKS_PER_RUN, LOOKS_PER_RARE_RUN = 5, 10
"""What a look costs, in runs that are merely counted: where the filter finds few of the runs of a time, newer ones of the same record are
all over the index."""
MAX_LOOKED_AT = 1_000_000_000
_STATUSES = {"idle": "pending", "skipped": "cancelled"}
_SAME = set(contract.Record.model_fields) & set(run_contract.Run.model_fields) - {"status"}


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListRecords) -> contract.RecordsReply:
    """Records, the one that ran last first."""
    await bounded_count.without_helpers(ctx.db)
    filters = await text_search.with_rare_words(ctx.db, ctx.workspace, record_filter.run_filters(request))

    def alternatives(floor: uuid.UUID | None) -> bounded_count.Alternatives:
        return [[*where, record_filter.latest(floor=floor)] for where in run_filter.alternatives(ctx.workspace, filters, floor=floor)]

    floor = await _floor(ctx, filters, request.count_up_to)
    positions = ctx.services.once(PagePositions, PagePositions)
    page = positions.page(ctx.workspace, request, request.limit, request.offset)
    rows = await bounded_count.newest_runs(ctx.db, run_response.query(ctx.workspace), alternatives, page, floor)
    positions.remember(ctx.workspace, request, request.offset, [row["uuid"] for row in rows])
    latest_runs = await run_response.to_responses(ctx.db, ctx.workspace, rows)
    count, is_exact = bounded_count.of_last_page(request, rows) or await _count_from(ctx, filters, request.count_up_to, floor)
    records = [_to_response(run) for run in latest_runs]
    return contract.RecordsReply(records=records, count=max(count, len(records)), is_count_exact=is_exact)


@handles(contract.count)
async def count(ctx: Context, request: contract.CountRecords) -> run_contract.CountReply:
    """How many records match, as far as was asked for."""
    await bounded_count.without_helpers(ctx.db)
    filters = await text_search.with_rare_words(ctx.db, ctx.workspace, record_filter.run_filters(request))
    count, is_exact = await _count(ctx, filters, request.count_up_to)
    return run_contract.CountReply(count=count, is_count_exact=is_exact)


async def _count(ctx: Context, filters: Mapping[str, Any], up_to: int, *more: run_filter.Condition) -> Count:
    return await _count_from(ctx, filters, up_to, await _floor(ctx, filters, up_to, *more), *more)


async def _count_from(ctx: Context, filters: Mapping[str, Any], up_to: int, floor: uuid.UUID | None, *more: run_filter.Condition) -> Count:
    alternatives = run_filter.alternatives(ctx.workspace, filters, floor=floor)
    # Runs at the top and those below others are counted apart: a run is one or the other.
    levels = [[*where, *more, part] for where in alternatives for part in record_filter.latest_by_level(floor)]
    return await bounded_count.count_runs(ctx.db, levels, up_to, is_all=floor is None)


async def _floor(ctx: Context, filters: Mapping[str, Any], up_to: int, *more: run_filter.Condition) -> uuid.UUID | None:
    """Whether a run is its record's latest is looked up for each, so that fewer are looked at than are asked for."""
    by_index = {name: value for name, value in filters.items() if name not in run_filter.UNINDEXED}
    where = [*run_filter.matching(ctx.workspace, by_index), *more]
    statuses: list[str] | None = filters.get("statuses")
    looks = LOOKS_PER_RUN if statuses is None or "success" in statuses else LOOKS_PER_RARE_RUN
    return await bounded_count.nth_run(ctx.db, where, -(-up_to // looks))


def _to_response(run: run_contract.Run) -> contract.Record:
    same: dict[str, Any] = {contract.Record.model_fields[name].alias or name: getattr(run, name) for name in _SAME}
    return contract.Record(
        **same,
        id=run.record_id,
        title=run.record_title,
        run_uuid=run.uuid,
        parent_run_uuid=run.parent_uuid,
        status=cast("RecordStatus", _STATUSES.get(run.status, run.status)),
    )


@handles(contract.get_metrics)
async def get_metrics(ctx: Context, request: contract.GetRecordMetrics) -> contract.RecordMetricsReply:
    """One row per node, in the order of the graph, over the latest run of each record. O(their executions)."""
    workflow = await lookup.workflow_or_refuse(ctx.db, contract.get_metrics, request.workflow_uuid)
    counted = await run_metrics.scan(ctx, record_filter.conditions(ctx.workspace, request))
    nodes = await run_metrics.graph_of(ctx, workflow, request.batch_uuid, request.release_uuid)
    rows = run_metrics.sort_by_graph(counted, nodes)
    return contract.RecordMetricsReply(record_metrics=[_metric(node, nodes.get(node), counts) for node, counts in rows])


def _metric(node: str, slug: str | None, counts: dict[str, Any]) -> contract.RecordMetric:
    waiting = max(0, int(counts["idle"]))
    return contract.RecordMetric(
        node_uuid=node,
        node_slug=slug,
        total_executions_count=int(counts["total"]) + waiting,
        pending_executions_count=waiting,
        running_executions_count=0,
        success_executions_count=int(counts["success"]),
        error_executions_count=int(counts["error"]),
        cancelling_executions_count=0,
        cancelled_executions_count=int(counts["cancelled"]),
        credits_used_count=run_response.number(float(counts["credits"])),
    )


@handles(contract.cancel)
async def cancel(ctx: Context, request: contract.CancelRecords) -> Counted:
    """Cancel the unfinished latest runs of the records that are named, or that the filter describes; 2,000 at most."""
    await lookup.workflow_or_refuse(ctx.db, contract.cancel, request.workflow_uuid)
    unfinished = runs.c.finished_ms.is_(None)
    where = [*record_filter.conditions(ctx.workspace, request), unfinished]
    selected = (
        len(set(request.ids))
        if request.ids is not None
        else (await _count(ctx, record_filter.run_filters(request), MAX_LOOKED_AT, unfinished)).total
    )
    if selected > MAX_CANCELLED:
        contract.cancel.refuse("tooManyRecordsSelected", count=selected, limit=MAX_CANCELLED)
    return Counted(count=await run_cancel.cancel_unfinished(ctx, where))
