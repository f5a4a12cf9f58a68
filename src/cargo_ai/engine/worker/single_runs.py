"""Single runs of a worker: claim those that it hears of, a few at a time, and drive them beside the queue."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch import singles
from cargo_ai.engine.dispatch.singles import ClaimedRun
from cargo_ai.engine.worker.driven_shard import now
from cargo_ai.kernel import log
from cargo_ai.store.driver import Connection, Single

OTHERS_SECONDS = 0.05
"""How long the others have to claim what is theirs, before this worker looks whether they did."""
RETRY_SECONDS = 1.0

_log = log.get(__name__)


class SingleRuns:
    """Claims and drives single runs until it drains. `slots`: how many of one workspace at once; `reserve`: how many more of others."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], owner: str, slots: int, reserve: int, drive: Callable[[ClaimedRun], Awaitable[None]]
    ) -> None:
        self._pool, self._owner, self._slots, self._reserve, self._drive = Single(pool), owner, slots, reserve, drive
        self._heard: dict[str, str] = {}
        self._others: dict[str, str] = {}
        self._work = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._workers: Sequence[str] = (owner,)
        self._draining = False
        self._looking: asyncio.TimerHandle | None = None
        self._must_look = False

    def share_with(self, workers: Sequence[str]) -> None:
        """Which workers there are, this one included: each claims its share at once."""
        self._workers = sorted({*workers, self._owner})

    def hear(self, payload: str) -> None:
        """A single run was created."""
        if self._draining:
            return
        shard, _, workspace = payload.partition(" ")
        if self._workers[uuid.UUID(shard).int % len(self._workers)] == self._owner:
            self._heard[shard] = workspace
            self._work.set()
            return
        self._others[shard] = workspace
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(OTHERS_SECONDS, self._look_at_others)

    def _look_at_others(self) -> None:
        self._looking = None
        self._heard |= self._others
        self._others = {}
        self._work.set()

    def look(self) -> None:
        """Look for runs of which this worker has not heard: notifications may have been missed."""
        self._must_look = True
        self._work.set()

    def drain(self) -> None:
        """Claim no more."""
        self._draining = True
        self._work.set()

    async def serve(self) -> None:
        """Claim and drive until `drain`; returns when those under way have ended."""
        while not self._draining:
            await self._work.wait()
            self._work.clear()
            if self._must_look:
                await self._attempt(self._find)
            while not self._draining and (shards := self._next()):
                await self._attempt(partial(self._claim, shards))
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def _attempt(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        try:
            async with self._pool.connection() as connection:
                await work(connection)
        except (psycopg.Error, OSError, TimeoutError) as error:
            # Whether runs were claimed is not known: those that were are given to the queue when nothing touches them.
            _log.warning("single runs cannot be claimed now; trying again", cause=f"{type(error).__name__}: {error}"[:200])
            await asyncio.sleep(RETRY_SECONDS)
            self._work.set()

    async def _find(self, connection: Connection) -> None:
        self._must_look = False
        for payload in await singles.left_over(connection):
            shard, _, workspace = payload.partition(" ")
            self._heard[shard] = workspace

    def _next(self) -> list[str]:
        """What there is a slot for, of each workspace no more than its share."""
        room = self._slots + self._reserve - len(self._tasks)
        shares, chosen = Counter(self._tasks.values()), list[str]()
        for shard, workspace in self._heard.items():
            if len(chosen) >= room:
                break
            if shares[workspace] < self._slots:
                shares[workspace] += 1
                chosen.append(shard)
        return chosen

    async def _claim(self, shards: Sequence[str], connection: Connection) -> None:
        claimed = await singles.claim_runs(connection, [uuid.UUID(shard) for shard in shards], self._owner, now())
        for shard in shards:
            self._heard.pop(shard, None)
        for run in claimed:
            task = asyncio.create_task(self._drive_one(run))
            self._tasks[task] = str(run.shard.workspace)
            task.add_done_callback(self._end)

    async def _drive_one(self, run: ClaimedRun) -> None:
        try:
            await self._drive(run)
        except Exception as error:
            # Its shard is no longer touched: housekeeping gives it to the queue.
            _log.exception("a single run could not be driven", shard=str(run.shard.uuid), cause=str(error)[:200])

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._work.set()
