"""Failures: note the runs in which something failed, and count them by node, message and hour, so that no one has to go through them.

A flush notes runs in which a node has failed, or that failed themselves: a statement more only where there are any. When such a run is
over, it is folded into the counts of its workflow, and of its batch if that is large. A reader adds what is noted and not folded yet.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import BigInteger, Column, Index, Table, Text, Uuid

from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.journal.tables import metadata
from cargo_ai.kernel import clock

Connection = psycopg.AsyncConnection[Any]

HOUR = 3_600_000
AT_ONCE = 5_000
LARGE_BATCH = 1_000
"""Of smaller batches failures are not counted by batch: they are looked up."""
LOOK_SECONDS = 5.0
AGAIN_SECONDS = 60.0
"""How long runs that failed at a node and go on are left alone."""

failed_runs = Table(
    "failed_runs",
    metadata,
    Column("workflow_uuid", Uuid, primary_key=True),
    Column("run_uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
)
"""Runs in which something failed that are in no count yet."""

failure_counts = Table(
    "failure_counts",
    metadata,
    Column("scope_uuid", Uuid, primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("release_uuid", Uuid, primary_key=True),
    Column("digest", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("node_uuid", Text),
    Column("node_slug", Text),
    Column("shape", Text, nullable=False),
    Column("reason", Text),
    Column("runs", BigInteger, nullable=False),
    Column("absorbed", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("latest_run", Uuid, nullable=False),
    Index("failure_counts_of_workspace", "workspace_uuid", "hour"),
)
"""How often what failed, by the hour in which the run was created. `scope_uuid`: a workflow, or a large batch. `digest`: of node, message
apart from what varies (`shape`) and reason. `absorbed`: of these runs, those that ended well. No release is the nil uuid."""

# In this order: the numbers inside an id or an address are none. Only common endings make a host, since `nodes.start.name` is a path.
_UUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_EMAIL = "[A-Za-z0-9_.+-]+@[A-Za-z0-9.-]*[A-Za-z0-9]"
_ENDINGS = "com|org|net|io|ai|co|app|dev|biz|example|test|local|eu|uk|us|ca|au|nz|jp|cn|br|mx|de|fr|es|nl|be|ch|dk|fi|pl|pt|ie|se"
_HOST = rf"\m([A-Za-z0-9-]+[.])+({_ENDINGS})\M"
_NUMBER = "[0-9]+(?:[.,][0-9]+)*"


def shape_sql(message: str) -> str:
    """SQL of a message without what varies: numbers, ids, hosts and e-mail addresses."""
    expression = message
    for varying in (_UUID, _EMAIL, _HOST):
        expression = f"regexp_replace({expression}, '{varying}', '#', 'g')"
    # Most messages have nothing but numbers, and none of the signs without which there is nothing else.
    signs = " + ".join(f"strpos({message}, '{sign}')" for sign in "-@.")
    return f"regexp_replace(case when {signs} > 0 then {expression} else {message} end, '{_NUMBER}', '#', 'g')"


NOTE = """
insert into failed_runs (workflow_uuid, run_uuid, workspace_uuid)
select r.workflow_uuid, r.uuid, r.workspace_uuid from runs r where r.uuid = any(%s::uuid[]) and r.uuid between %s and %s order by 1, 2
on conflict do nothing
"""
# Of runs: what failed in them, and those that failed outside of any node.
FAILURES = """
select c.*, e.node_uuid, e.node_slug, coalesce(case when e.run_uuid is null then c.error_message else e.error_message end, '') as message,
    e.reason, case when e.run_uuid is null then c.ended_ms else e.finished_ms end as at
from {runs} c left join lateral (select * from execution_rows x where x.run_uuid = c.run_uuid and x.status = 'error' offset 0) e on true
where e.run_uuid is not null or c.status = 'error'
"""
RUN = """
r.uuid as run_uuid, r.record_id, r.status, r.error_message, coalesce(r.finished_ms, r.created_ms) as ended_ms
"""
GROUPED = """
count(distinct f.run_uuid) as runs, count(distinct f.run_uuid) filter (where f.status = 'success') as absorbed, min(f.at) as first_ms,
    max(f.at) as last_ms, max(f.run_uuid::text)::uuid as latest_run
"""
DIGEST = "md5(jsonb_build_array({0}node_uuid, {0}node_slug, {0}shape, {0}reason)::text)::uuid"
# A batch that may still turn out to be large waits. One with a pace may be resumed, and grow, at any time.
BATCHES_OWN = f"(b.cursor >= {LARGE_BATCH} or b.pace is not null)"
FOLD = f"""
with chosen as materialized (
    select {RUN}, r.workspace_uuid, r.workflow_uuid, coalesce(r.release_uuid, '{uuid.UUID(int=0)}') as release_uuid,
        r.created_ms / {HOUR} as hour,
        case when {BATCHES_OWN} then b.uuid end as batch_uuid
    from failed_runs f join runs r on r.uuid = f.run_uuid left join batches b on b.uuid = r.batch_uuid
    where r.finished_ms is not null and (b.uuid is null or b.enumerated or b.finished_ms is not null or {BATCHES_OWN}) limit {AT_ONCE}
), gone as (
    delete from failed_runs f using chosen c where f.workflow_uuid = c.workflow_uuid and f.run_uuid = c.run_uuid
), failures as materialized (
    {FAILURES.format(runs="chosen")}
), shaped as materialized (
    select f.*, {shape_sql("f.message")} as shape from failures f
), scoped as (
    select f.workflow_uuid as scope_uuid, f.* from shaped f union all select f.batch_uuid, f.* from shaped f where f.batch_uuid is not null
), counted as (
    insert into failure_counts as n (scope_uuid, hour, release_uuid, digest, workspace_uuid, node_uuid, node_slug, shape, reason, runs,
        absorbed, first_ms, last_ms, latest_run)
    select f.scope_uuid, f.hour, f.release_uuid, {DIGEST.format("f.")}, f.workspace_uuid, f.node_uuid, f.node_slug, f.shape, f.reason,
        {GROUPED}
    from scoped f group by f.scope_uuid, f.hour, f.release_uuid, f.workspace_uuid, f.node_uuid, f.node_slug, f.shape, f.reason
    on conflict (scope_uuid, hour, release_uuid, digest) do update set runs = n.runs + excluded.runs,
        absorbed = n.absorbed + excluded.absorbed, first_ms = least(n.first_ms, excluded.first_ms),
        last_ms = greatest(n.last_ms, excluded.last_ms), latest_run = greatest(n.latest_run, excluded.latest_run)
)
select count(*) from chosen
"""  # noqa: S608 - put together from our own texts
# What folds, or removes runs, does it alone: what is folded of runs that are being removed would stay forever.
TRY_LOCK, LOCK = "select pg_try_advisory_xact_lock(x'636172676f0d'::int8)", "select pg_advisory_xact_lock(x'636172676f0d'::int8)"
ANY = "select exists (select from failed_runs)"
FORGET = """
with noted as (delete from failed_runs where run_uuid >= %(low)s and run_uuid < %(high)s and workspace_uuid = any(%(workspaces)s))
delete from failure_counts where hour >= %(first)s and hour < %(last)s and workspace_uuid = any(%(workspaces)s)
"""
NOTE_AGAIN = f"""
insert into failed_runs (workflow_uuid, run_uuid, workspace_uuid)
select r.workflow_uuid, r.uuid, r.workspace_uuid from runs r
where r.workspace_uuid = any(%(workspaces)s) and r.uuid >= %(low)s and r.uuid < %(high)s and r.created_ms / {HOUR} >= %(first)s
    and r.created_ms / {HOUR} < %(last)s and {{stays}}
    and (r.rare_status = 'error' or exists (select from execution_rows x where x.run_uuid = r.uuid and x.status = 'error'))
on conflict do nothing
"""  # noqa: S608 - put together from our own texts
CLOCK_MS = 60_000
"""How far the time in an id may be from the time beside it."""


async def note(connection: Connection, runs: Iterable[str]) -> None:
    """Note that something failed in these runs, in the caller's transaction."""
    ordered = sorted(runs)
    await connection.execute(NOTE, (ordered, ordered[0], ordered[-1]))


async def fold(connection: Connection) -> int:
    """Fold noted runs that are over into the counts, in one transaction; how many. 0 as well while another process does it."""
    async with connection.transaction():
        locked = await (await connection.execute(TRY_LOCK)).fetchone()
        if not locked or not locked[0]:
            return 0
        row = await (await connection.execute(FOLD.encode())).fetchone()
    crash_points.point("between folds of failures")
    return int(row[0]) if row else 0


async def recount(
    connection: Connection, begin_ms: int, end_ms: int, workspaces: Sequence[uuid.UUID], stays: str, values: Mapping[str, Any]
) -> None:
    """Runs of a time (milliseconds since 1970, whole hours) are being removed in the caller's transaction, which has the LOCK: forget what
    is counted of it, and note what failed of the runs `r` that stay, which `stays` says with its values."""
    low, high = (uuid.UUID(int=max(0, ms) << 80) for ms in (begin_ms - CLOCK_MS, end_ms + CLOCK_MS))
    bounds = {"low": low, "high": high, "first": begin_ms // HOUR, "last": -(-end_ms // HOUR), "workspaces": list(workspaces)}
    await connection.execute(FORGET, bounds)
    await connection.execute(NOTE_AGAIN.format(stays=stays).encode(), {**values, **bounds})


class FailureCounter:
    """Folds what the writers of this process note, soon after; what others have left, at the start and once in a while."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool, self._look_at = pool, 0.0

    def noticed(self) -> None:
        """Something was noted."""
        self._look_at = 0.0

    async def run(self) -> None:
        """Fold what is over. Asks the database for nothing while nothing was noted."""
        if clock.seconds() < self._look_at:
            return
        self._look_at = clock.seconds() + HOUR / 1000
        async with self._pool.connection() as connection:
            while await fold(connection):
                pass
            row = await (await connection.execute(ANY)).fetchone()
        if row and row[0]:
            self._look_at = min(self._look_at, clock.seconds() + AGAIN_SECONDS)
