"""Records: list, count, measure and cancel the latest run of each record of a workflow."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration import record as contract
from cargo_ai.contract.orchestration import run as run_contract
from cargo_ai.contract.orchestration.fields import RecordStatus
from cargo_ai.domains.orchestration.runs import record_filter, run_cancel, run_filter, run_metrics, run_response
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel.wire import Counted, Wire

MOST_CANCELLED = 2_000
_STATUSES = {"idle": "pending", "skipped": "cancelled"}
_SAME = set(contract.Record.model_fields) & set(run_contract.Run.model_fields) - {"status"}


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListRecords) -> contract.RecordsReply:
    """Records, the one that ran last first."""
    where = record_filter.conditions(ctx.workspace, request)
    query = run_response.query(ctx.workspace).where(*where).order_by(runs.c.uuid.desc()).limit(request.limit).offset(request.offset)
    rows = (await ctx.db.execute(query)).mappings().all()
    latest_runs = await run_response.to_responses(ctx.db, ctx.workspace, rows)
    return contract.RecordsReply(records=[_to_response(run) for run in latest_runs], count=await _count(ctx, request))


@handles(contract.count)
async def count(ctx: Context, request: contract.CountRecords) -> run_contract.CountReply:
    """How many records match: exact."""
    return run_contract.CountReply(count=await _count(ctx, request))


async def _count(ctx: Context, request: Wire, *more: run_filter.Condition) -> int:
    where = [*run_filter.matching(ctx.workspace, record_filter.run_filters(request)), *more]
    queries = (select(func.count()).select_from(run_filter.joined).where(*where, part) for part in record_filter.latest_by_level())
    return sum([int(await ctx.db.scalar(query) or 0) for query in queries])


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
    return contract.RecordMetricsReply(record_metrics=[_metric(node, counts) for node, counts in run_metrics.sort_by_graph(counted, nodes)])


def _metric(node: str, counts: dict[str, Any]) -> contract.RecordMetric:
    waiting = max(0, int(counts["idle"]))
    return contract.RecordMetric(
        node_uuid=node,
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
    selected = len(set(request.ids)) if request.ids is not None else await _count(ctx, request, unfinished)
    if selected > MOST_CANCELLED:
        contract.cancel.refuse("tooManyRecordsSelected", count=selected, limit=MOST_CANCELLED)
    return Counted(count=await run_cancel.cancel_unfinished(ctx, where))
