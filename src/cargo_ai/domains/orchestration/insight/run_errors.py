"""Run errors: group the failures of a workflow by node and by message, apart from numbers, ids and addresses."""

from __future__ import annotations

import uuid

from sqlalchemy import RowMapping, select, text

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.insight import run_errors as contract
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.runs.filters.run_filter import milliseconds
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.journal.failures import DIGEST, FAILURES, GROUPED, HOUR, LARGE_BATCH, RUN, shape_sql
from cargo_ai.engine.journal.tables import batches
from cargo_ai.kernel import ids

# Whole hours are counted already, apart from runs that are noted; of what is left of the others, and of small batches, runs are looked at.
_ERRORS = """
with counted as (
    select n.digest, n.node_uuid, n.node_slug, n.shape, n.reason, n.runs, n.absorbed, n.first_ms, n.last_ms, n.latest_run
    from failure_counts n where n.scope_uuid = '{scope}'::uuid and n.workspace_uuid = :workspace and {hours}
), chosen as materialized (
    {runs}
), failures as materialized (
    {failures}
), shaped as (
    select f.*, {shape} as shape from failures f
), grouped as (
    select {digest} as digest, f.node_uuid, f.node_slug, f.shape, f.reason, {grouped}
    from shaped f group by f.node_uuid, f.node_slug, f.shape, f.reason
), merged as (
    select g.digest, g.node_uuid, g.node_slug, g.shape, g.reason, sum(g.runs)::bigint as runs, sum(g.absorbed)::bigint as absorbed,
        min(g.first_ms) as first_at, max(g.last_ms) as last_at, max(g.latest_run::text)::uuid as latest, count(*) over () as kinds
    from (select * from counted union all select * from grouped) g group by g.digest, g.node_uuid, g.node_slug, g.shape, g.reason
    order by runs desc, last_at desc, g.node_uuid limit :limit
)
select m.*, o.message, o.record_id from merged m left join lateral (
    select e.error_message as message, r.record_id from runs r join execution_rows e on e.run_uuid = r.uuid
    where r.uuid = m.latest and e.status = 'error' and e.node_uuid = m.node_uuid and e.reason is not distinct from m.reason
        and {shape_of_execution} = m.shape
    union all select r.error_message, r.record_id from runs r where r.uuid = m.latest and m.node_uuid is null limit 1
) o on true order by m.runs desc, m.last_at desc, m.node_uuid
"""
_NOTED = "select {columns} from failed_runs n join runs r on r.uuid = n.run_uuid where n.workflow_uuid = '{workflow}'::uuid and {chosen}"
# Each has an index, which "one or the other" has not: the latter would be asked about each run of the time.
_FAILED = """
select {columns} from runs r where {chosen} and r.rare_status = 'error'
union
select {columns} from (
    select distinct x.run_uuid from execution_rows x
    where x.workspace_uuid = :workspace and x.status <> 'success' and x.status = 'error' and {within}
        and x.run_uuid not in (select r.uuid from runs r where {chosen} and r.rare_status = 'error')
) x cross join lateral (select * from runs o where o.uuid = x.run_uuid and {found} offset 0) r
where {chosen} and r.rare_status is distinct from 'error'
"""
_NONE = uuid.UUID(int=0)
"""The uuid of nothing."""
Time = tuple[int | None, int | None]
"""From, and before, in milliseconds since 1970; None: no bound."""


@handles(contract.get_errors)
async def get_errors(ctx: Context, request: contract.GetRunErrors) -> contract.RunErrorsReply:
    """The most frequent errors first. O(hours and kinds of errors), and what has failed in hours that are not asked for as a whole."""
    workflow = await lookup.workflow_or_refuse(ctx.db, contract.get_errors, request.workflow_uuid)
    batch = None if request.batch_uuid is None else ids.parse(request.batch_uuid) or _NONE
    is_counted = batch is None or await _is_counted(ctx, batch)
    query = _query(request, workflow, batch, is_counted=is_counted)
    rows = (await ctx.db.execute(text(query), {"workspace": ctx.workspace, "limit": request.limit})).mappings().all()
    return contract.RunErrorsReply(run_errors=[_to_response(row) for row in rows], count=int(rows[0]["kinds"]) if rows else 0)


def _query(request: contract.GetRunErrors, workflow: uuid.UUID, batch: uuid.UUID | None, *, is_counted: bool) -> str:
    after, before = (None if time is None else milliseconds(time) for time in (request.created_after, request.created_before))
    hours, times = _whole_hours(after, before) if is_counted else (None, [(after, before)])
    of_hours = ["false" if hours is None else hours]
    of_runs = [f"r.workspace_uuid = :workspace and r.workflow_uuid = '{workflow}'::uuid"]
    if batch is not None:
        of_runs.append(f"r.batch_uuid = '{batch}'::uuid")
    if request.release_uuid is not None:
        release = ids.parse(request.release_uuid) or _NONE
        of_runs.append(f"r.release_uuid = '{release}'::uuid")
        of_hours.append(f"n.release_uuid = '{release}'::uuid")
    runs = [_NOTED.format(columns=RUN, workflow=workflow, chosen=" and ".join([*of_runs, _created((after, before))]))]
    runs += [
        _FAILED.format(
            columns=RUN,
            chosen=" and ".join([*of_runs, _created(time)]),
            within=_bounds("x.run_uuid", time),
            found=_bounds("o.uuid", time),
        )
        for time in times
    ]
    return _ERRORS.format(
        scope=batch or workflow,
        hours=" and ".join(of_hours),
        runs=" union ".join(runs),
        failures=FAILURES.format(runs="chosen"),
        shape=shape_sql("f.message"),
        shape_of_execution=shape_sql("coalesce(e.error_message, '')"),
        digest=DIGEST.format("f."),
        grouped=GROUPED,
    )


def _whole_hours(after: int | None, before: int | None) -> tuple[str | None, list[Time]]:
    """The condition for the hours that lie within this time, and what of it is outside of them."""
    first, last = None if after is None else -(-after // HOUR), None if before is None else before // HOUR
    if first is not None and last is not None and first > last:
        return None, [(after, before)]
    hours, times = ["true"], list[Time]()
    if first is not None:
        hours.append(f"n.hour >= {first}")
        times.append((after, first * HOUR))
    if last is not None:
        hours.append(f"n.hour < {last}")
        times.append((last * HOUR, before))
    return " and ".join(hours), times


async def _is_counted(ctx: Context, batch: uuid.UUID) -> bool:
    """Whether failures of a batch are counted for the batch, too: as `failures` decides it."""
    query = select(batches.c.cursor, batches.c.pace.is_not(None)).where(batches.c.uuid == batch, batches.c.workspace_uuid == ctx.workspace)
    row = (await ctx.db.execute(query)).one_or_none()
    return row is not None and bool(row[0] >= LARGE_BATCH or row[1])


def _created(time: Time) -> str:
    """Whether a run was created then. Its id begins with the time: bounds of ids leave out what is of other times."""
    after, before = time
    parts = [_bounds("r.uuid", time)]
    parts += [] if after is None else [f"r.created_ms >= {after}"]
    parts += [] if before is None else [f"r.created_ms < {before}"]
    return " and ".join(parts)


def _bounds(column: str, time: Time) -> str:
    after, before = time
    parts = ["true"]
    if after is not None:
        parts.append(f"{column} >= '{ids.first_at(after / 1000 - 60)}'::uuid")
    if before is not None:
        parts.append(f"{column} <= '{ids.first_at(before / 1000 + 60)}'::uuid")
    return " and ".join(parts)


def _to_response(row: RowMapping) -> contract.RunError:
    return contract.RunError(
        node_uuid=row["node_uuid"],
        node_slug=row["node_slug"],
        # The run may be gone just now.
        error_message=row["message"] or row["shape"],
        reason=row["reason"],
        runs_count=row["runs"],
        absorbed_count=row["absorbed"],
        run_uuid=row["latest"],
        record_id=row["record_id"] or "",
        first_at=run_response.timestamp(row["first_at"]),
        last_at=run_response.timestamp(row["last_at"]),
    )
