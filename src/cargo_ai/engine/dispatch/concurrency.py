"""Concurrency limit: how many runs of one workspace may be active at once, where the server sets one; runs beyond it wait.

A run is active from when a worker may take it until it ends or is parked; runs that it drives inline count with it. A shard is admitted
with a `width`: how many of its runs may wait for something at once. The widths of a workspace's shards together never pass the limit.
"""

from __future__ import annotations

import uuid

from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.kernel import clock
from cargo_ai.store.driver import Connection

MAXIMUM_WIDTH = 100
"""No shard has more runs than this that wait for something at once."""

# Single runs are shards of one. Shards that were admitted before there was a limit may be as wide as any.
ACTIVE = """
select coalesce(sum(coalesce(width, case when lane = 'interactive' then 1 else %s end)), 0)::bigint,
    count(*) filter (where lane = 'batch')
from shards where workspace_uuid = %s and state in ('queued', 'running')
"""
LIVE_SLOTS = "select coalesce(sum(slots), 0)::bigint from workers where beat_ms > %s"
WAITING = """
select s.uuid, s.lane, (
    select count(*) from runs r where r.shard_uuid = s.uuid and r.uuid between s.first_run and s.last_run and r.finished_ms is null
        and r.status <> 'idle' and not r.inline
) from shards s where s.workspace_uuid = %s and s.state = 'waiting' and s.lane = %s order by s.no, s.batch_uuid limit %s
for update of s skip locked
"""
ADMIT = "update shards set state = 'queued', width = %s, touched_ms = %s where uuid = %s"
SHRINK = "update shards set width = %s where uuid = %s and epoch = %s and state = 'running' and width > %s"


def batch_share(most: int) -> int:
    """How many of the runs may be of batches: a tenth is left to single runs, for which someone waits."""
    return most - max(1, most // 10) if most > 1 else most


async def count_active_runs(connection: Connection, workspace: uuid.UUID) -> int:
    """How many runs of a workspace are active, or may be."""
    return (await _counted(connection, workspace))[0]


async def is_limit_reached(connection: Connection, workspace: uuid.UUID, most: int) -> bool:
    """Whether no more may begin. Until the caller's transaction ends, no other transaction begins any in this workspace."""
    await _lock(connection, workspace)
    return await count_active_runs(connection, workspace) >= most


async def admit_within_limit(connection: Connection, queue: Queue, workspace: uuid.UUID) -> None:
    """Queue the workspace's next shards, single runs first, as far as `queue.most_runs` allows; of batches no more than there are slots:
    what only waits in the queue must not use up what others could."""
    await _lock(connection, workspace)
    active, queued = await _counted(connection, workspace)
    capacity = queue.most_runs - active
    for uid, lane, size in await _waiting(connection, workspace, "interactive", capacity):
        width = min(max(1, size), MAXIMUM_WIDTH, capacity)
        capacity -= width
        await _queue(connection, queue, uid, lane, width, 0)
        if capacity <= 0:
            return
    capacity -= queue.most_runs - batch_share(queue.most_runs)
    waiting = await _waiting(connection, workspace, "batch", min(capacity, await _slots(connection) - queued))
    for number, (uid, lane, size) in enumerate(waiting):
        # What a shard has no use for is left to those behind it.
        width = min(max(1, size), MAXIMUM_WIDTH, max(1, capacity // (len(waiting) - number)))
        capacity -= width
        await _queue(connection, queue, uid, lane, width, queued + number)


async def shrink(connection: Connection, queue: Queue, workspace: uuid.UUID, shard: tuple[uuid.UUID, int], width: int) -> None:
    """Give back what a shard (uuid, epoch) at its end no longer needs, to others of the workspace."""
    if (await connection.execute(SHRINK, (width, *shard, width))).rowcount:
        await admit_within_limit(connection, queue, workspace)


async def _lock(connection: Connection, workspace: uuid.UUID) -> None:
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 7))", (str(workspace),))


async def _counted(connection: Connection, workspace: uuid.UUID) -> tuple[int, int]:
    """How many runs are active, and how many shards of batches are queued or running."""
    row = await (await connection.execute(ACTIVE, (MAXIMUM_WIDTH, workspace))).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def _slots(connection: Connection) -> int:
    row = await (await connection.execute(LIVE_SLOTS, (clock.now_ms() - 60_000,))).fetchone()
    return max(1, int(row[0]) if row else 0)


async def _waiting(connection: Connection, workspace: uuid.UUID, lane: str, most: int) -> list[tuple[uuid.UUID, str, int]]:
    if most <= 0:
        return []
    return await (await connection.execute(WAITING, (workspace, lane, min(most, MAXIMUM_WIDTH)))).fetchall()


async def _queue(connection: Connection, queue: Queue, shard: uuid.UUID, lane: str, width: int, ahead: int) -> None:
    await connection.execute(ADMIT, (width, clock.now_ms(), shard))
    if lane == "interactive":
        await queue.defer(connection, "drive", "interactive", shard=str(shard))
    else:
        await queue.defer_behind(connection, "drive", "batch", ahead, shard=str(shard))
