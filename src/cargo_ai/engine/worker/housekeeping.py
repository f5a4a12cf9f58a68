"""Keep: the worker's housekeeping: its heartbeat, due runs, lost work, partitions to come."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch import wake
from cargo_ai.engine.dispatch.claim import admit_shards, close_batch
from cargo_ai.engine.dispatch.queue import LANES, Queue
from cargo_ai.engine.journal import fanout, partitions, self_triggers
from cargo_ai.kernel import clock, log

BEAT_SECONDS = 5.0
TICK_SECONDS = 1.0
HOUR_SECONDS = 3_600.0
HOURLY_AGAIN_SECONDS = 60.0

_log = log.get(__name__)

BEAT = """
insert into workers (uuid, host, pid, queue_ids, slots, started_ms, beat_ms) values (%s, %s, %s, %s, %s, %s, %s)
on conflict (uuid) do update set queue_ids = excluded.queue_ids, beat_ms = excluded.beat_ms
"""
# A lane that lost its connection no longer beats for the jobs that it still works on; this process lives, so it does.
QUEUE_BEAT = "update procrastinate_workers set last_heartbeat = now() where id = any(%s)"
# A shard that is queued or running, that nobody touched for so long and that no job speaks of: its job was lost with a worker
# that came back from a pause and finished what had been given to another.
ORPHANS = """
update shards s set state = 'queued', touched_ms = %s
where s.state in ('queued', 'running') and s.touched_ms < %s
    and not exists (select 1 from procrastinate_jobs j where j.status in ('todo', 'doing') and j.args ->> 'shard' = s.uuid::text)
returning s.uuid, s.lane
"""
DEAD = "select uuid::text from workers where uuid <> %s and (uuid::text = %s or beat_ms < %s)"
# A worker that was paused, or whose machine is gone, may hold locks in a transaction that it will never end.
END_SESSIONS = """
select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and right(application_name, 36) = any(%s)
"""
UNREAD = """
select b.uuid from batches b where b.finished_ms is null and not b.enumerated
    and b.updated_ms < %s - case when b.status = 'running' then 600000 else 0 end
    and not exists (select 1 from procrastinate_jobs j where j.status in ('todo', 'doing') and j.args ->> 'batch' = b.uuid::text)
"""
# Shards below a single run that were locked, by a cancellation, when the one before them ended.
PASSED_OVER = "select distinct workspace_uuid from shards where state = 'waiting' and batch_uuid is null and touched_ms < %s"
PASSED_OVER_MS = 5_000
UNCLOSED = "select uuid, workspace_uuid from batches where finished_ms is null and enumerated and updated_ms < %s limit 100"


class Housekeeping:
    """Runs beside the queue in each worker process. Everything it does may be done by several workers at once."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        queue: Queue,
        worker: uuid.UUID,
        slots: int,
        *,
        stalled_after: float,
        replaces: str = "",
        hourly: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._pool, self._queue, self._worker, self._slots = pool, queue, worker, slots
        self._stalled_after = stalled_after
        self._replaces = replaces
        self._hourly_tasks = hourly
        self._started = clock.now_ms()
        self._announced: list[int] = []
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Some parked run is due now: look at once."""
        self._due.set()

    async def run(self) -> None:
        """Until cancelled. A database that is away is waited for, and a chore that fails, or takes long, keeps none of the others from
        being done: one that waits for a lock of a worker that died least of all that dead one's burial."""
        beside = [
            asyncio.create_task(self._heartbeat(), name="heartbeat"),
            asyncio.create_task(self._run_hourly(), name="hourly housekeeping"),
        ]
        try:
            await self._wake_and_recover()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _run_hourly(self) -> None:
        while True:
            wait = await self._attempt(self._hourly)
            await asyncio.sleep(wait)

    async def _heartbeat(self) -> None:
        """Say that this process lives, and take over from those that no longer do."""
        beat = reap = 0.0
        while True:
            now = clock.seconds()
            # Who takes over from this process must know its present ids: they change when a lane signs on again.
            if now >= beat or self._queue.ids() != self._announced:
                beat = now + await self._attempt(self._beat)
            if now >= reap:
                reap = now + await self._attempt(self._reap_dead_workers)
            # Until the queue's ids are known and said, nobody could take over from this process at once.
            most = TICK_SECONDS if len(self._announced) == len(LANES) else 0.05
            await asyncio.sleep(min(most, max(0.01, min(beat, reap) - clock.seconds())))

    async def _wake_and_recover(self) -> None:
        recover = 0.0
        while True:
            self._due.clear()
            now = clock.seconds()
            if now >= recover:
                recover = now + await self._attempt(self._recover)
            wait = await self._attempt(self._wake)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), wait)

    async def _attempt(self, chore: Callable[[], Awaitable[float]]) -> float:
        """Do it, and return how many seconds later it is due again."""
        try:
            return await chore()
        except Exception as error:
            _log.warning("housekeeping failed; trying again", what=chore.__name__, cause=f"{type(error).__name__}: {error}"[:300])
            return TICK_SECONDS

    async def deregister(self) -> None:
        """Say goodbye: this worker's row goes away."""
        async with self._pool.connection() as connection:
            await connection.execute("delete from workers where uuid = %s", (self._worker,))

    async def _beat(self) -> float:
        now, said = clock.now_ms(), self._queue.ids()
        values = (self._worker, socket.gethostname(), os.getpid(), said, self._slots, self._started, now)
        async with self._pool.connection() as connection:
            await connection.execute(BEAT, values)
            await connection.execute(QUEUE_BEAT, (said,))
        self._announced = said
        return min(BEAT_SECONDS, self._stalled_after / 3)

    async def _wake(self) -> float:
        """Wake what is due; returns how long to sleep: less than a tick when the next one is due sooner."""
        if await wake.wake_due_runs(self._pool, self._queue) == wake.MAXIMUM_AT_ONCE:
            return 0
        async with self._pool.connection() as connection:
            due = await wake.next_due(connection)
        if due is None:
            return TICK_SECONDS
        return min(TICK_SECONDS, max(0.01, due / 1000 - clock.unix_seconds()))

    async def _recover(self) -> float:
        await self._queue.recover()
        now = clock.now_ms()
        old = now - int(self._stalled_after * 1000)
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(ORPHANS, (now, old))).fetchall()
            for row in rows:
                await self._queue.defer(connection, "drive", row[1], shard=str(row[0]))
            unread = await (await connection.execute(UNREAD, (old,))).fetchall()
            for row in unread:
                await self._queue.defer(connection, "enumerate", "batch", batch=str(row[0]))
            if rows or unread:
                _log.warning("queued work that had lost its job", shards=len(rows), batches=len(unread))
        async with self._pool.connection() as connection:
            unclosed = await (await connection.execute(UNCLOSED, (old,))).fetchall()
            passed_over = await (await connection.execute(PASSED_OVER, (now - PASSED_OVER_MS,))).fetchall()
        for row in passed_over:
            async with self._pool.connection() as connection:
                await admit_shards(connection, self._queue, row[0])
        for row in unclosed:
            async with self._pool.connection() as connection:
                if not await close_batch(connection, row[0]):
                    await admit_shards(connection, self._queue, row[1])
        return max(1.0, self._stalled_after / 6)

    async def _reap_dead_workers(self) -> float:
        """Take over at once from the worker whose death our parent process saw, and from those of silent hosts when they are overdue."""
        old = clock.now_ms() - int(self._stalled_after * 1000)
        async with self._pool.connection() as connection:
            found = await (await connection.execute(DEAD, (self._worker, self._replaces, old))).fetchall()
            names = [row[0] for row in found]
            if names:
                await connection.execute(END_SESSIONS, (names,))
            cursor = await connection.execute("delete from workers where uuid::text = any(%s) returning queue_ids", (names,))
            dead = [worker_id for row in await cursor.fetchall() for worker_id in row[0]]
        self._replaces = ""
        await self._queue.mark_dead(dead)
        return max(1.0, self._stalled_after / 6)

    async def _hourly(self) -> float:
        async with self._pool.connection() as connection:
            await partitions.create_partitions(connection)
            await connection.execute("delete from idempotency_keys where at < now() - interval '24 hours'")
            await self_triggers.prune(connection)
            await fanout.prune(connection)
        failed = False
        for task in self._hourly_tasks:
            try:
                await task()
            except Exception as error:
                failed = True
                _log.warning("housekeeping failed; trying again", cause=f"{type(error).__name__}: {error}"[:300])
        return HOURLY_AGAIN_SECONDS if failed else HOUR_SECONDS
