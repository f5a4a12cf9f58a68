"""Traces: list what was started, a run or a batch, with the sums of everything below it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import RowMapping, text

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.insight import trace as contract
from cargo_ai.contract.orchestration.runs.run import CountReply
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.runs.bounded_count import Count
from cargo_ai.domains.orchestration.runs.filters.run_filter import milliseconds
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid

_EARLY_MS = 60_000
"""How far the clock in an id may be from the time beside it."""

# A trace begins with a single run, or with a batch; what these start carries its uuid.
_ROOTS = """
(
    select r.uuid, r.workflow_uuid, r.user_uuid, r.record_id, r.record_title, r.parent_chat_uuid, r.parent_agent_uuid, r.status,
        r.credits, r.created_ms, r.updated_ms, r.finished_ms, null::bigint as runs_count, null::bigint as failed_count
    from runs r
    where r.workspace_uuid = :workspace and r.batch_uuid is null and r.parent_uuid is null and r.uuid >= :low and r.created_ms >= :after
    union all
    select b.uuid, b.workflow_uuid, b.user_uuid, null, null, null, null, b.status,
        case when b.finished_ms is null
            then coalesce((select sum(s.credits) from shards s where s.batch_uuid = b.uuid), 0) else b.credits end,
        b.created_ms, b.updated_ms, b.finished_ms, b.executed_count, b.failed_count
    from batches b where b.workspace_uuid = :workspace and b.trace_uuid = b.uuid and b.created_ms >= :after
) t
"""
# A batch's nodes are counted as they go; those of what is below a trace are looked up by it.
_COUNTS = """
cross join lateral (
    select coalesce(sum(c.total), 0) as total, coalesce(sum(c.error), 0) as error, coalesce(sum(c.idle), 0) as idle from (
        select sum(m.total) as total, sum(m.error) as error, sum(m.idle) as idle
            from node_metrics m where m.batch_uuid = t.uuid and t.runs_count is not null
        union all
        select count(*), count(*) filter (where e.status = 'error'), 0
            from executions e where e.run_uuid = t.uuid and t.runs_count is null
        union all
        select count(*), count(*) filter (where e.status = 'error'), 0 from runs r
            cross join lateral (select x.status from executions x where x.run_uuid = r.uuid offset 0) e
            where r.trace_uuid = t.uuid and r.parent_uuid is not null and r.parent_batch_uuid is distinct from t.uuid and r.uuid >= t.uuid
        union all
        select 0, 0, count(*) from runs r where r.trace_uuid = t.uuid and r.parent_uuid is not null
            and r.parent_batch_uuid is distinct from t.uuid and r.uuid >= t.uuid and r.status = 'idle' and r.position is not null
    ) c
) n
"""
_STATUS = """
case when t.finished_ms is null then 'pending'
    when t.status <> 'success' or (t.runs_count > 0 and t.failed_count = t.runs_count) then 'error'
    when n.error > 0 or t.failed_count > 0 then 'degraded' else 'success' end
"""


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListTraces) -> contract.TracesReply:
    """Traces, newest first."""
    where, values = _where(ctx.workspace, request)
    traces = await _page(ctx, request, where, values | {"limit": request.limit, "offset": request.offset})
    count, is_exact = await _count(ctx, request)
    responses = [_to_response(ctx.workspace, row) for row in traces]
    return contract.TracesReply(traces=responses, count=max(count, len(traces)), is_count_exact=is_exact)


async def _page(ctx: Context, request: contract.CountTraces, where: str, values: dict[str, Any]) -> list[RowMapping]:
    """Sums are made for what is shown only, unless the filter asks for what they say."""
    by_status = request.statuses is not None
    inner = f"select t.* from {_ROOTS} where {where} order by t.uuid desc limit :limit offset :offset"  # noqa: S608
    chosen = _ROOTS if by_status else f"({inner}) t"
    tail = f"where {where} and {_STATUS} = any(:statuses) order by t.uuid desc limit :limit offset :offset"
    query = f"select t.*, n.*, {_STATUS} as went from {chosen} {_COUNTS} {tail if by_status else 'order by t.uuid desc'}"  # noqa: S608
    return list((await ctx.db.execute(text(query), values)).mappings())


@handles(contract.count)
async def count(ctx: Context, request: contract.CountTraces) -> CountReply:
    """How many traces match, as far as was asked for."""
    count, is_exact = await _count(ctx, request)
    return CountReply(count=count, is_count_exact=is_exact)


async def _count(ctx: Context, request: contract.CountTraces) -> Count:
    where, values = _where(ctx.workspace, request)
    sums = f"{_COUNTS} where {where} and {_STATUS} = any(:statuses)" if request.statuses is not None else f"where {where}"
    few = f"select count(*) from (select 1 from {_ROOTS} {sums} limit :most) few"  # noqa: S608 - our own texts
    count = int(await ctx.db.scalar(text(few), values | {"most": request.count_up_to + 1}) or 0)
    return Count(min(count, request.count_up_to), count <= request.count_up_to)


def _where(workspace: uuid.UUID, request: contract.CountTraces) -> tuple[str, dict[str, Any]]:
    after = milliseconds(request.started_after)
    values: dict[str, Any] = {"workspace": workspace, "after": after, "low": ids.first_at(max(0, after - _EARLY_MS) / 1000)}
    conditions = ["true"]
    filters = (("workflow_uuid", request.workflow_uuid), ("parent_chat_uuid", request.chat_uuid), ("parent_agent_uuid", request.agent_uuid))
    for column, uuid_text in filters:
        if uuid_text is not None:
            conditions.append(f"t.{column} = :{column}")
            values[column] = ids.parse(uuid_text)
    if request.started_before is not None:
        conditions.append("t.created_ms < :before")
        values["before"] = milliseconds(request.started_before)
    if request.statuses is not None:
        values["statuses"] = list(request.statuses)
    return " and ".join(conditions), values


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.TraceReply:
    """One trace by the uuid of the run or batch that it began with."""
    uid = ids.parse(request.uuid)
    query = f"select t.*, n.*, {_STATUS} as went from {_ROOTS} {_COUNTS} where t.uuid = :uuid"  # noqa: S608
    values = {"workspace": ctx.workspace, "after": 0, "low": uid, "uuid": uid}
    row = (await ctx.db.execute(text(query), values)).mappings().one_or_none() if uid else None
    row = found_or_refuse(contract.get, row, "traceNotFound", uuid=request.uuid)
    return contract.TraceReply(trace=_to_response(ctx.workspace, row))


def _to_response(workspace: uuid.UUID, row: RowMapping) -> contract.Trace:
    total, failed, waiting = int(row["total"]), int(row["error"]), max(0, int(row["idle"]))
    waiting += row["runs_count"] is None and row["status"] == "idle"
    return contract.Trace(
        uuid=row["uuid"],
        workspace_uuid=str(workspace),
        workflow_uuid=row["workflow_uuid"],
        root_run_uuid=row["uuid"] if row["runs_count"] is None else None,
        root_record_id=row["record_id"],
        root_record_title=row["record_title"],
        root_user_uuid=row["user_uuid"],
        chat_uuid=row["parent_chat_uuid"],
        agent_uuid=row["parent_agent_uuid"],
        spans_count=total + waiting,
        failed_spans_count=failed,
        pending_spans_count=waiting,
        succeeded_spans_count=total - failed,
        credits_used_count=run_response.number(float(row["credits"])),
        started_at=run_response.timestamp(row["created_ms"]),
        finished_at=run_response.timestamp_or_none(row["finished_ms"]),
        updated_at=run_response.timestamp(row["updated_ms"]),
        status=row["went"],
    )
