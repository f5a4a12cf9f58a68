"""Ceiling: how many runs of one workspace may go at once, where the server was told a number; what is beyond it waits, and none is lost.

A run goes from when a worker may take it until it ends or is parked; what it drives below itself goes with it. A shard is let in with a
`width`: so many of its runs may wait for something at once. The widths of a workspace's shards together never pass the number.
"""

from __future__ import annotations

import uuid

from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.kernel import clock
from cargo_ai.store.driver import Connection

MAXIMUM_WIDTH = 100
"""No shard has more runs than this that wait for something at once, whatever it may."""

# Single runs are shards of one. Shards that were let in before there was a number may be as wide as any.
GOING = """
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
LET_IN = "update shards set state = 'queued', width = %s, touched_ms = %s where uuid = %s"
NARROW = "update shards set width = %s where uuid = %s and epoch = %s and state = 'running' and width > %s"


def batch_share(most: int) -> int:
    """So many of the runs may be of batches: they leave a tenth to single runs, for which somebody waits."""
    return most - max(1, most // 10) if most > 1 else most


async def count_active_runs(connection: Connection, workspace: uuid.UUID) -> int:
    """How many runs of a workspace go, or may."""
    return (await _counted(connection, workspace))[0]


async def is_limit_reached(connection: Connection, workspace: uuid.UUID, most: int) -> bool:
    """Whether not one more may begin. Until the caller's transaction ends, nobody else begins any in this workspace."""
    await _turn(connection, workspace)
    return await count_active_runs(connection, workspace) >= most


async def admit_within_limit(connection: Connection, queue: Queue, workspace: uuid.UUID) -> None:
    """Queue the workspace's next shards, single runs first, as far as `queue.most_runs` allows; of batches no more than there are slots:
    what only stands in the queue must not take the place of what could go."""
    await _turn(connection, workspace)
    taken, in_line = await _counted(connection, workspace)
    room = queue.most_runs - taken
    for uid, lane, size in await _waiting(connection, workspace, "interactive", room):
        width = min(max(1, size), MAXIMUM_WIDTH, room)
        room -= width
        await _queue(connection, queue, uid, lane, width, 0)
        if room <= 0:
            return
    room -= queue.most_runs - batch_share(queue.most_runs)
    found = await _waiting(connection, workspace, "batch", min(room, await _slots(connection) - in_line))
    for number, (uid, lane, size) in enumerate(found):
        # What one has no use for is there for those behind it.
        width = min(max(1, size), MAXIMUM_WIDTH, max(1, room // (len(found) - number)))
        room -= width
        await _queue(connection, queue, uid, lane, width, in_line + number)


async def shrink(connection: Connection, queue: Queue, workspace: uuid.UUID, shard: tuple[uuid.UUID, int], width: int) -> None:
    """Give back what a shard (uuid, epoch) at its end no longer needs, to others of the workspace."""
    if (await connection.execute(NARROW, (width, *shard, width))).rowcount:
        await admit_within_limit(connection, queue, workspace)


async def _turn(connection: Connection, workspace: uuid.UUID) -> None:
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 7))", (str(workspace),))


async def _counted(connection: Connection, workspace: uuid.UUID) -> tuple[int, int]:
    """How many runs go, and how many shards of batches are queued or running."""
    row = await (await connection.execute(GOING, (MAXIMUM_WIDTH, workspace))).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def _slots(connection: Connection) -> int:
    row = await (await connection.execute(LIVE_SLOTS, (clock.now_ms() - 60_000,))).fetchone()
    return max(1, int(row[0]) if row else 0)


async def _waiting(connection: Connection, workspace: uuid.UUID, lane: str, most: int) -> list[tuple[uuid.UUID, str, int]]:
    if most <= 0:
        return []
    return await (await connection.execute(WAITING, (workspace, lane, min(most, MAXIMUM_WIDTH)))).fetchall()


async def _queue(connection: Connection, queue: Queue, shard: uuid.UUID, lane: str, width: int, ahead: int) -> None:
    await connection.execute(LET_IN, (width, clock.now_ms(), shard))
    if lane == "interactive":
        await queue.defer(connection, "drive", "interactive", shard=str(shard))
    else:
        await queue.defer_behind(connection, "drive", "batch", ahead, shard=str(shard))
