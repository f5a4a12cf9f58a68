"""Drive shards: claim them, walk their runs on asyncio, and end them when nothing is left in them."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch import claim, concurrency
from cargo_ai.engine.dispatch.claim import ClaimedShard
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.dispatch.singles import ClaimedRun
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.walk import Walk
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.journal.rows import RunRow
from cargo_ai.engine.journal.shard_flush import HeldShard, MetricScope
from cargo_ai.engine.journal.writer import ShardLost, Writer
from cargo_ai.engine.worker.child_runs import ChildRuns
from cargo_ai.engine.worker.driven_shard import CONCURRENT_RUNS, DrivenRun, DrivenShard, Step, now
from cargo_ai.engine.worker.graph_cache import GraphCache
from cargo_ai.engine.worker.in_flight import InFlight
from cargo_ai.engine.worker.load import Loader, restore_walk
from cargo_ai.engine.worker.output_quota import OutputQuota
from cargo_ai.engine.worker.runner import Runner
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.availability import retry_until_available
from cargo_ai.store.driver import Single
from cargo_ai.store.files import FileStore

SLICE_SECONDS = 0.002
STARTS = 16
"""How many runs of a shard are started before answers that have come have their turn."""
PASS_SECONDS = 0.01
LONG_PASSES = 4
"""While this process works for longer than that in one pass of the event loop, no more are started, for this many passes at most."""
TIME_SLICE_RUNS = 200
"""The time slice of a large shard, in runs; then shards of other workspaces that wait have their turn."""
FEW_RUNS = CONCURRENT_RUNS * 3 // 4
"""When no more runs of a shard are left than these, the next shard is fetched: its runs go where others have ended."""

_log = log.get(__name__)


class _Gate:
    """Semaphores that a run passes together."""

    def __init__(self, parts: list[asyncio.Semaphore]) -> None:
        self._parts = parts

    def locked(self) -> bool:
        return any(part.locked() for part in self._parts)

    async def acquire(self) -> None:
        for number, part in enumerate(self._parts):
            try:
                await part.acquire()
            except BaseException:
                for passed in self._parts[:number]:
                    passed.release()
                raise

    def release(self) -> None:
        for part in self._parts:
            part.release()


async def catch_up() -> None:
    """Let what has come go first: while a pass of the event loop takes long, answers wait in it, whose calls are repeated if this process
    dies. Commits wait in it, too, several times each."""
    for _ in range(LONG_PASSES):
        began = clock.worked_seconds()
        await asyncio.sleep(0)
        if clock.worked_seconds() - began < PASS_SECONDS:
            return


class Driver:
    """Drives shards. One per process; `drain` makes it stop at the next node boundaries."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        writers: Mapping[str, Writer],
        queue: Queue,
        actions: Actions,
        files: FileStore,
        settings: Settings,
        owner: str,
        in_flight: InFlight | None = None,
    ) -> None:
        self._in_flight = in_flight or InFlight()
        self._pool, self._writers, self._queue, self._owner = pool, writers, queue, owner
        self.graphs = GraphCache(actions)
        self._loader = Loader(pool, self.graphs, files)
        child_runs = ChildRuns(pool, writers, queue, actions, self._loader)
        self._runner = Runner(pool, writers, files, OutputQuota(pool, settings), child_runs, self._in_flight)
        self._drives: list[DrivenShard] = []
        # What shards of one workspace's batches may have under way together, however many of them are about to end.
        self._most_batch_runs = settings.batch_slots * CONCURRENT_RUNS
        self._batch_runs = WeakValueDictionary[uuid.UUID, asyncio.Semaphore]()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def drain(self) -> None:
        """Take no further step that has an effect; what is parked or left goes to other workers."""
        self._runner.draining.set()

    def abandon(self) -> None:
        """Break off effects that did not end in time: their shards go back to the queue, and the next owners repeat these effects."""
        for drive in self._drives:
            drive.left = True
            for task in drive.tasks:
                task.cancel()

    async def drive(self, shard: str) -> None:
        """The queue's job: everything that is unfinished in one shard."""
        claimed = await retry_until_available("claiming a shard", partial(self._claim, uuid.UUID(shard)))
        if claimed is not None:
            await self._drive_claimed(claimed, None)

    async def drive_single(self, run: ClaimedRun) -> None:
        """A single run that was claimed with its row."""
        await self._drive_claimed(run.shard, run.row)

    async def _drive_claimed(self, claimed: ClaimedShard, row: RunRow | None) -> None:
        held = HeldShard(claimed.uuid, claimed.epoch, claimed.workspace, claimed.batch, claimed.lane, signal=claimed.signal)
        held.cancelling, held.suspect, held.begun = claimed.cancelling, claimed.suspect, set(claimed.begun)
        drive = DrivenShard(claimed, held, claimed.signal)
        writer = self._writers[held.lane]
        writer.hold(held)
        self._drives.append(drive)
        self._runner.set_urgent(drive, 1)
        try:
            first = None if row is None else self._loader.complete_at_once(drive, row)
            # Where the server limits concurrent runs, the end of one lets others in.
            held.single = first is not None and not self._queue.most_runs
            await (self._drive_in_quarantine(drive) if drive.is_quarantined else self._drive_all(drive, first))
            await writer.durable(held, urgent=True)
        except ShardLost:
            _log.info("shard taken over by another worker", shard=str(held.uuid), epoch=held.epoch)
            return
        finally:
            self._runner.set_urgent(drive, -1)
            writer.release(held)
            self._drives.remove(drive)
        crash_points.point("before shard end")
        if held.ended:
            return
        await retry_until_available("ending a shard", partial(claim.finish_shard, self._pool, self._queue, claimed, requeue=drive.left))

    async def _claim(self, shard: uuid.UUID) -> ClaimedShard | None:
        async with Single(self._pool).connection() as connection:
            return await claim.claim(connection, shard, self._owner, now())

    async def _drive_in_quarantine(self, drive: DrivenShard) -> None:
        """Shards whose workers keep dying are driven one after the other: the next death then shows which run is the cause."""
        turn, tries = self._turns[drive.claimed.lane], drive.claimed.tries
        waits = turn.locked()
        if waits:
            await retry_until_available("waiting for a turn", partial(self._set_tries, drive, tries - 1))
        async with turn:
            if waits:
                await retry_until_available("taking a turn", partial(self._set_tries, drive, tries))
            await self._drive_all(drive)

    async def _set_tries(self, drive: DrivenShard, tries: int) -> None:
        async with self._pool.connection() as connection:
            await claim.set_tries(connection, drive.claimed, tries)

    async def _drive_all(self, drive: DrivenShard, first: DrivenRun | None = None) -> None:
        """`first`: the only run of the shard, where that is known."""
        gate, tasks, place = self._gate(drive), drive.tasks, self._place(drive)
        is_started = False
        failure: list[BaseException] = []

        def leave_place() -> None:
            # Runs with others below them are more than they seem.
            if not tasks or (drive.is_flat and len(tasks) <= FEW_RUNS):
                place()

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            gate.release()
            if is_started:
                leave_place()
            if task.cancelled():
                # Something broke it off, though nothing here did: the shard must not end without the run.
                if not drive.left:
                    failure.append(RuntimeError("A run was broken off; its shard is driven again."))
            elif (error := task.exception()) is not None:
                failure.append(error)

        try:
            with self._in_flight.moving():
                await self._start_all(drive, gate, failure, ended, first)
            is_started = True
            leave_place()
            while tasks:
                await self._end_of(drive)
        finally:
            for task in tasks:
                task.cancel()
        if failure:
            raise failure[0]

    def _gate(self, drive: DrivenShard) -> _Gate:
        own = drive.gate(0)
        if drive.shard.lane != "batch":
            return _Gate([own])
        together = self._batch_runs.get(drive.claimed.workspace) or asyncio.Semaphore(self._most_batch_runs)
        self._batch_runs[drive.claimed.workspace] = together
        return _Gate([own, together])

    def _place(self, drive: DrivenShard) -> Callable[[], None]:
        """How a shard lets the next one come. Not where workers die of it, which is found out with as little beside it as there can be;
        nor for single runs, whose shards end with them."""
        return self._queue.place() if drive.shard.lane == "batch" and not drive.is_quarantined else lambda: None

    async def _start_all(
        self,
        drive: DrivenShard,
        gate: _Gate,
        failure: list[BaseException],
        ended: Callable[[asyncio.Task[None]], None],
        first: DrivenRun | None,
    ) -> None:
        """Start the runs of a shard as far as there is place for them, page by page."""
        tasks = drive.tasks
        after, driven, started = None, 0, 0
        rows = [first] if first is not None else []
        while not failure and (rows or (rows := await retry_until_available("reading runs", partial(self._page, drive, after, driven)))):
            after, driven = rows[-1]["uuid"], driven + len(rows)
            slice_end = clock.seconds() + SLICE_SECONDS
            for row in rows:
                if failure or drive.shard.lost or self._runner.draining.is_set():
                    drive.left = drive.left or self._runner.draining.is_set()
                    break
                walk, origin = restore_walk(row)
                if drive.is_quarantined:
                    await self._runner.approach(drive, walk)
                step = self._runner.start(drive, row, walk)
                if step is None and self._runner.end_at_once(drive, row, walk, origin):
                    if clock.seconds() > slice_end:
                        await self._runner.yield_to_others(drive)
                        slice_end = clock.seconds() + SLICE_SECONDS
                    continue
                if gate.locked():
                    with self._in_flight.resting():
                        await gate.acquire()
                else:
                    await gate.acquire()
                task = asyncio.create_task(self._drive_run(drive, row, walk, origin, step))
                tasks.add(task)
                task.add_done_callback(ended)
                started += 1
                if started % STARTS == 0:
                    await catch_up()
            if drive.left or drive.shard.lost:
                break
            rows = []

    async def _end_of(self, drive: DrivenShard) -> None:
        """Wait for the last runs of a shard. One that is limited gives back by halves what it no longer needs."""
        width = drive.claimed.width or 1
        if width == 1 or not drive.is_flat:
            await asyncio.wait(drive.tasks)
            return
        await asyncio.wait(drive.tasks, return_when=asyncio.FIRST_COMPLETED)
        left = len(drive.tasks)
        if 0 < left <= width // 2:
            drive.claimed = replace(drive.claimed, width=left)
            await retry_until_available("shrinking a shard", partial(self._shrink, drive.claimed, left))

    async def _shrink(self, claimed: ClaimedShard, width: int) -> None:
        async with self._pool.connection() as connection:
            await concurrency.shrink(connection, self._queue, claimed.workspace, (claimed.uuid, claimed.epoch), width)

    async def _drive_run(self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope, step: Step | None) -> None:
        await self._runner.drive_run(drive, row, walk, origin, step)

    async def _page(self, drive: DrivenShard, after: uuid.UUID | None, driven: int) -> list[DrivenRun]:
        """The next runs of the shard: none when there are no more, or when it is the turn of others."""
        if after == drive.claimed.last:
            return []
        await self._runner.refresh(drive)
        if driven >= TIME_SLICE_RUNS and drive.shard.lane == "batch" and not drive.is_quarantined:
            async with Single(self._pool).connection() as connection:
                drive.left = drive.left or await claim.other_workspaces_wait(connection, drive.claimed.workspace)
            if drive.left:
                return []
        return await self._loader.page(drive, after)
