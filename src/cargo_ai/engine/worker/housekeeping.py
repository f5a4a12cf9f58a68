"""Housekeeping of a worker: heartbeat, due runs, recovery of lost work, and chores that packages register."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch import singles
from cargo_ai.engine.dispatch.claim import admit_shards, close_batch
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.dispatch.timers import wake
from cargo_ai.engine.dispatch.timers.lookout import Lookout
from cargo_ai.engine.journal import fanout, partitions
from cargo_ai.engine.journal.tables import workers
from cargo_ai.engine.limits.table import forget_unused
from cargo_ai.kernel import clock, log
from cargo_ai.store.driver import Single
from cargo_ai.store.table_sql import insert_sql

BEAT_SECONDS = 6.1
"""As all that a worker looks for again and again, with no period that is a multiple of another: each connection that is needed at the same
moment is opened for that moment, which costs more than the statement."""
LOOK_SECONDS = 5.0
"""How long a wake-up may be missing: what parks or resumes runs says so, but who said it may have died."""
CONFIRM_SECONDS = 1.0
"""Between the first two heartbeats of a worker: at the second, those are seen that were started together with it."""
TICK_SECONDS = 1.0
HOUR_SECONDS = 3_600.0
RETRY_SECONDS = 60.0

_log = log.get(__name__)

# Lanes beat here, too: one that lost its connection would not for the jobs that it still works on, while this process lives. No one could
# beat before the database was there.
BEAT = (
    b"with beat as ("
    + insert_sql(workers, "uuid", "host", "pid", "queue_ids", "slots", "started_ms", "beat_ms")
    + b""" on conflict (uuid) do update set queue_ids = excluded.queue_ids, beat_ms = excluded.beat_ms
), lanes as (
    update procrastinate_workers set last_heartbeat = now() where id = any(%(queue_ids)s)
)
select uuid::text, uuid::text = any(%(replaces)s) or (
    %(judges)s and beat_ms < %(overdue)s and pg_postmaster_start_time() < now() - make_interval(secs => %(stalled_after)s)
) from workers where uuid <> %(uuid)s
"""
)
DEREGISTER = "with worker as (delete from workers where uuid = %s) delete from procrastinate_workers where id = any(%s)"
# A worker that was paused, or whose machine is gone, may hold locks in a transaction that it will never end.
END_SESSIONS = """
select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and right(application_name, 36) = any(%s)
"""
# A shard that is queued or running, that was not touched for too long and that has no job: its job was lost with a worker that came
# back from a pause and finished what had been given to another.
ORPHANED = """
s.state in ('queued', 'running') and s.touched_ms < %(old)s
    and not exists (select 1 from procrastinate_jobs j where j.status in ('todo', 'doing') and j.args ->> 'shard' = s.uuid::text)
"""
ORPHANS = "update shards s set state = 'queued', touched_ms = %(now)s where " + ORPHANED + " returning s.uuid, s.lane"  # noqa: S608 - constants of this module
UNENUMERATED = """
select b.uuid from batches b where b.finished_ms is null and not b.enumerated
    and b.updated_ms < %(old)s - case when b.status = 'running' then 600000 else 0 end
    and not exists (select 1 from procrastinate_jobs j where j.status in ('todo', 'doing') and j.args ->> 'batch' = b.uuid::text)
"""
# In no order: those that are not over do not keep others from being looked at.
UNCLOSED = """
select uuid, workspace_uuid from batches where finished_ms is null and enumerated and updated_ms < %(old)s order by random() limit 100
"""
# Shards below a single run that a cancellation had locked when the one before them ended.
PASSED_OVER = "select distinct workspace_uuid from shards where state = 'waiting' and batch_uuid is null and touched_ms < %(now)s - 5000"
_ANY = (f"select 1 from shards s where {ORPHANED}", UNENUMERATED, UNCLOSED, PASSED_OVER)  # noqa: S608 - constants of this module
LOOK = "select " + ", ".join(f"exists ({rows})" for rows in _ANY)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that the worker that leads does from time to time; several workers may do it at once. One that fails is tried again sooner.

    `in_each`: whether the others do it as well.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    every_seconds: float = HOUR_SECONDS
    in_each: bool = False


class Housekeeping:
    """Runs next to the queue in each worker process. Everything it does may be done by several workers at once."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        queue: Queue,
        worker: uuid.UUID,
        slots: int,
        *,
        stalled_after: float,
        replaces: str = "",
        chores: Sequence[Chore] = (),
        lookout: Lookout | None = None,
    ) -> None:
        self._pool, self._queue, self._worker, self._slots = pool, queue, worker, slots
        # What is asked for again and again takes one message to the database, not three.
        self._single = Single(pool)
        self._stalled_after = stalled_after
        self._replaces = replaces.split()
        self._chores = [*chores, *_journal_chores(pool)]
        self._started = clock.now_ms()
        self._announced: list[int] = []
        self.others: Callable[[Sequence[str]], None] = lambda _: None
        """Called with the uuids of the other workers that live, at each heartbeat."""
        self._lookout = lookout or Lookout()
        # Until it has seen who else there is.
        self._lookout.leads = False
        self._due = asyncio.Event()
        self._recover_at = self._looks_at = 0.0
        self._beaten_at: float | None = None
        self._judges_at = 0.0

    def wake(self) -> None:
        """Some parked run is due now, or may be: look at once."""
        self._due.set()

    def parked(self, due_ms: int) -> None:
        """Some run was parked that is due then, in milliseconds since 1970: look no later."""
        if due_ms < self._looks_at:
            self._due.set()

    async def run(self) -> None:
        """Until cancelled. Waits for a database that is unavailable.

        What fails or takes long does not keep the rest from being done. Above all: waiting for a lock that a dead worker holds must not
        delay reaping that worker, which ends its session.
        """
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._heartbeat(), name="heartbeat")
            loops.create_task(self._run_chores(), name="chores")
            loops.create_task(self._wake_and_recover(), name="wake and recover")

    async def _run_chores(self) -> None:
        due, leads = dict.fromkeys(self._chores, 0.0), asyncio.Event()
        while True:
            leads.clear()
            for chore in self._chores:
                if clock.seconds() >= due[chore] and (chore.in_each or self._lookout.leads):
                    due[chore] = clock.seconds() + await _do(chore)
            mine = [moment for chore, moment in due.items() if chore.in_each or self._lookout.leads]
            await self._lookout.wait(leads, max(0.01, min(mine, default=math.inf) - clock.seconds()))

    async def _heartbeat(self) -> None:
        """Renew this worker's heartbeat, and reap workers whose heartbeat has stopped."""
        beat = 0.0
        while True:
            now = clock.seconds()
            # To reap this process, others must know its present ids: they change when a lane registers again.
            if now >= beat or self._queue.ids() != self._announced:
                beat = now + await self._attempt(self._beat)
            await self._queue.registered(max(0.01, beat - clock.seconds()))

    async def _wake_and_recover(self) -> None:
        while True:
            self._due.clear()
            # Whatever is parked while it looks is due before the end of time.
            self._looks_at = math.inf
            if clock.seconds() >= self._recover_at:
                self._recover_at = math.inf
                wait = await self._attempt(self._recover)
                self._recover_at = min(self._recover_at, clock.seconds() + wait)
            wait = min(await self._attempt(self._wake), max(0.0, self._recover_at - clock.seconds()))
            self._looks_at = clock.now_ms() + wait * 1_000
            await self._lookout.wait(self._due, wait)

    async def _attempt(self, work: Callable[[], Awaitable[float]]) -> float:
        """Do it, and return how many seconds later it is due again."""
        try:
            return await work()
        except Exception as error:
            _log.warning("housekeeping failed; trying again", what=work.__name__, cause=f"{type(error).__name__}: {error}"[:300])
            return TICK_SECONDS

    async def deregister(self) -> None:
        """Delete this worker's rows: it ends in order. What it could not end is for others at once."""
        async with self._pool.connection() as connection:
            await connection.execute(DEREGISTER, (self._worker, self._queue.ids()))

    async def _beat(self) -> float:
        """Renew the heartbeat, and reap at once workers whose death our parent process saw, and those whose heartbeat is overdue."""
        async with self._single.connection() as connection:
            # Only now: a connection may be waited for, and a heartbeat of before would be overdue at once.
            queue_ids, moment = self._queue.ids(), clock.seconds()
            others = await (await connection.execute(BEAT, self._heart(queue_ids, moment))).fetchall()
        is_first = self._beaten_at is None
        self._announced, self._beaten_at = queue_ids, moment
        dead = [worker for worker, is_dead in others if is_dead]
        living = [worker for worker, is_dead in others if not is_dead]
        self.others(living)
        # It is the one with the least uuid of those that live.
        self._lookout.leads = not is_first and str(self._worker) < min(living, default="~")
        if dead:
            await self._reap(dead)
        self._replaces = []
        return min(CONFIRM_SECONDS if is_first else BEAT_SECONDS, self._stalled_after / 3)

    def _heart(self, queue_ids: list[int], moment: float) -> dict[str, object]:
        if self._beaten_at is not None and moment - self._beaten_at > self._stalled_after:
            # The silence of others says nothing after one's own: they may have been without the database, or asleep, as well.
            self._judges_at = moment + self._stalled_after
        now = clock.now_ms()
        return {
            "uuid": self._worker,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "queue_ids": queue_ids,
            "slots": self._slots,
            "started_ms": self._started,
            "beat_ms": now,
            "replaces": self._replaces,
            "overdue": now - int(self._stalled_after * 1000),
            "judges": self._judges,
            "stalled_after": self._stalled_after,
        }

    @property
    def _judges(self) -> bool:
        """Whether this worker has beaten in time for long enough to take others that have not for dead."""
        return clock.seconds() >= self._judges_at

    async def _reap(self, dead: Sequence[str]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(END_SESSIONS, (dead,))
            cursor = await connection.execute("delete from workers where uuid::text = any(%s) returning queue_ids", (dead,))
            queue_ids = [queue_id for row in await cursor.fetchall() for queue_id in row[0]]
            await singles.give_back(connection, dead)
        await self._queue.mark_dead(queue_ids)
        _log.info("reaped dead workers", workers=len(dead))
        self._recover_at = 0.0
        self._due.set()

    async def _wake(self) -> float:
        """Wake parked runs that are due; returns how long to sleep: less when the next one is due sooner."""
        async with self._single.connection() as connection:
            due = await wake.next_due(connection)
        if due is not None and due <= clock.now_ms():
            # None: another worker is just waking them.
            return 0.0 if await wake.wake_due_runs(self._pool, self._queue) else 0.05
        longest = LOOK_SECONDS * self._lookout.patience
        return longest if due is None else min(longest, max(0.01, due / 1000 - clock.unix_seconds()))

    async def _recover(self) -> float:
        await self._queue.recover(judges=self._judges)
        now = clock.now_ms()
        moments = {"now": now, "old": now - int(self._stalled_after * 1000)}
        async with self._single.connection() as connection:
            row = await (await connection.execute(LOOK, moments)).fetchone()
        has_orphans, has_unenumerated, has_unclosed, has_passed_over = row or (False,) * 4
        if has_orphans or has_unenumerated:
            await self._requeue(moments)
        if has_unclosed or has_passed_over:
            await self._unblock(moments)
        return max(1.0, self._stalled_after / 3) * self._lookout.patience

    async def _requeue(self, moments: Mapping[str, int]) -> None:
        """Queue shards and batches whose job was lost."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(ORPHANS, moments)).fetchall()
            for row in rows:
                await self._queue.defer(connection, "drive", row[1], shard=str(row[0]))
            unread = await (await connection.execute(UNENUMERATED, moments)).fetchall()
            for row in unread:
                await self._queue.defer(connection, "enumerate", "batch", batch=str(row[0]))
        _log.warning("queued work that had lost its job", shards=len(rows), batches=len(unread))

    async def _unblock(self, moments: Mapping[str, int]) -> None:
        """Close batches of which nothing is left, and admit shards that were passed over."""
        async with self._pool.connection() as connection:
            unclosed = await (await connection.execute(UNCLOSED, moments)).fetchall()
            passed_over = await (await connection.execute(PASSED_OVER, moments)).fetchall()
        for row in passed_over:
            async with self._pool.connection() as connection:
                await admit_shards(connection, self._queue, row[0])
        for row in unclosed:
            async with self._pool.connection() as connection:
                if not await close_batch(connection, row[0]):
                    await admit_shards(connection, self._queue, row[1])


async def _do(chore: Chore) -> float:
    """Do a chore, and return how many seconds later it is due again."""
    try:
        await chore.run()
    except Exception as error:
        _log.warning("a chore failed; trying again", chore=chore.name, cause=f"{type(error).__name__}: {error}"[:300])
        return min(RETRY_SECONDS, chore.every_seconds)
    return chore.every_seconds


def _journal_chores(pool: AsyncConnectionPool[Any]) -> list[Chore]:
    def chore(name: str, work: Callable[[AsyncConnection[Any]], Awaitable[object]], *, in_each: bool = False) -> Chore:
        async def run() -> None:
            async with pool.connection() as connection:
                await work(connection)

        return Chore(name, run, in_each=in_each)

    return [
        # Without them no run can be stored: no worker waits for another.
        chore("create partitions", partitions.create_partitions, in_each=True),
        chore("prune fan-outs", fanout.prune),
        chore("forget unused buckets", forget_unused),
    ]
