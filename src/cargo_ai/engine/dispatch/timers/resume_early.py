"""Resume parked runs before their time, because what they wait for has happened."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg

from cargo_ai.kernel import clock

# The housekeeping of a worker hears of it and puts it into a shard, as if its time had come.
NOW = """
with due as (
    update runs set wake_ms = least(wake_ms, %s)
    where uuid = %s and workspace_uuid = %s and status = 'idle' and position = %s and finished_ms is null returning 1
)
select pg_notify('cargo_wake', '') from due
"""
# In the order of their times, so that each look begins where the one before it has ended.
WAITING = """
with waiting as (
    select uuid, wake_ms from runs
    where wake_ms >= %(after)s and workspace_uuid = %(workspace)s and status = 'idle' and pending #>> '{waits,for}' = %(for)s
    order by wake_ms limit %(limit)s for update skip locked
), woken as (
    update runs r set wake_ms = %(now)s from waiting w where r.uuid = w.uuid and r.wake_ms = w.wake_ms returning w.wake_ms
)
select count(*), max(wake_ms), pg_notify('cargo_wake', '') from woken
"""
PASSED = """
select 1 from runs where uuid = %s and finished_ms is not null
union all select 1 from executions where run_uuid = %s and node_uuid = %s and visit >= %s limit 1
"""


async def resume(connection: psycopg.AsyncConnection[Any], workspace: uuid.UUID, run: uuid.UUID, node: str) -> bool:
    """Make a run that is parked at a node due, in the caller's transaction; False when it is not parked there.

    A run that is just about to park is not parked yet: a caller that gets False asks again until the run `has_passed` the node.
    """
    cursor = await connection.execute(NOW, (clock.now_ms(), run, workspace, node))
    return cursor.rowcount > 0


async def resume_waiting(
    connection: psycopg.AsyncConnection[Any], workspace: uuid.UUID, waits_for: str, limit: int, after: int | None = None
) -> tuple[int, int]:
    """Make runs due that wait for this, up to `limit`, in the caller's transaction.

    Returns how many, and the `after` to look on from. O(parked runs of the server that are due later).
    """
    now = clock.now_ms()
    values = {"after": max(now + 1, after or 0), "workspace": workspace, "for": waits_for, "limit": limit, "now": now}
    row = await (await connection.execute(WAITING, values)).fetchone()
    count, last, _ = row or (0, None, None)
    return count, int(last or 0)


async def has_passed(connection: psycopg.AsyncConnection[Any], run: uuid.UUID, node: str, visit: int) -> bool:
    """Whether this visit of the node is in the run's journal, or the run has ended."""
    cursor = await connection.execute(PASSED, (run, run, node, visit))
    return await cursor.fetchone() is not None
