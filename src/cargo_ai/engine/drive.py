"""Drive: one worker process walks the runs of a shard on asyncio and hands what happened to the writer."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine import claim, crash
from cargo_ai.engine.action import Actions, Call, Failed, Later, Outcome
from cargo_ai.engine.claim import Claimed
from cargo_ai.engine.graph import Program
from cargo_ai.engine.interpret import Act, Answered, Entry, Evaluate, Pause, Walk, advance, begin, cancel, fail, resume, settle
from cargo_ai.engine.journal import HOUR, Origin, RunState, Shard
from cargo_ai.engine.patience import AWAY, patiently
from cargo_ai.engine.programs import Programs
from cargo_ai.engine.queue import Queue
from cargo_ai.engine.writer import Lost, Writer
from cargo_ai.expression import evaluator
from cargo_ai.kernel import clock, log
from cargo_ai.store.files import FileMissing, FileStore

PARK_SECONDS = 2.0
CONCURRENT_RUNS = 100
LARGE_OUTPUT = 64 * 1024
MOST_TRIES = 5
CAREFUL_TRIES = 3
HOPELESS_TRIES = 12
EFFECT_SECONDS = 900.0
SLICE_SECONDS = 0.002
GIVE_WAY_SECONDS = 0.005
PAGE = 100

_log = log.get(__name__)

Step = Act | Evaluate | Pause


@dataclass(slots=True)
class Drive:
    """One shard while it is driven."""

    claimed: Claimed
    shard: Shard
    seen_signal: int
    cancelled: set[str] = field(default_factory=set[str])
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    left: bool = False
    """Some run was left unfinished on purpose (draining): the shard goes back to the queue."""


class Driver:
    """Walks shards. One per process; `drain` makes it stop at the next node boundaries."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        writers: Mapping[str, Writer],
        queue: Queue,
        actions: Actions,
        files: FileStore,
        owner: str,
    ) -> None:
        self._pool, self._writers, self._queue = pool, writers, queue
        self._actions, self._files, self._owner = actions, files, owner
        self._programs = Programs(actions)
        self._draining = asyncio.Event()
        self._drives: list[Drive] = []
        self._hurried = 0
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def drain(self) -> None:
        """Take no further step that has an effect; what is parked or left goes to other workers."""
        self._draining.set()

    def abandon(self) -> None:
        """Break off the effects that did not end in time: their shards go back to the queue, and who takes them repeats these effects."""
        for drive in self._drives:
            drive.left = True
            for task in drive.tasks:
                task.cancel()

    async def drive(self, shard: str) -> None:
        """The queue's job: everything that is unfinished in one shard."""
        claimed = await patiently("claiming a shard", partial(self._claim, uuid.UUID(shard)))
        if claimed is None:
            return
        held = Shard(claimed.uuid, claimed.epoch, claimed.workspace, claimed.batch, claimed.lane, signal=claimed.signal)
        held.cancelling, held.suspect = claimed.cancelling, claimed.suspect
        drive = Drive(claimed, held, claimed.signal)
        writer = self._writers[held.lane]
        writer.hold(held)
        self._drives.append(drive)
        self._hurry(drive, 1)
        try:
            await (self._carefully(drive) if claimed.tries >= CAREFUL_TRIES else self._all(drive))
            await writer.durable(held, urgent=True)
        except Lost:
            _log.info("shard taken over by another worker", shard=shard, epoch=held.epoch)
            return
        finally:
            self._hurry(drive, -1)
            writer.release(held)
            self._drives.remove(drive)
        crash.point("before shard end")
        await patiently("ending a shard", partial(claim.finish, self._pool, self._queue, claimed, requeue=drive.left))

    def _hurry(self, drive: Drive, change: int) -> None:
        """Somebody waits for this shard and it needs this loop (1), or no longer does (-1)."""
        if drive.shard.lane == "interactive":
            self._hurried += change

    async def _give_way(self, drive: Drive) -> None:
        """Other shards share this loop: let them in every few milliseconds, and for longer while somebody waits for a single run."""
        await self._writers[drive.shard.lane].room()
        await asyncio.sleep(GIVE_WAY_SECONDS if self._hurried and drive.shard.lane == "batch" else 0)

    async def _claim(self, shard: uuid.UUID) -> Claimed | None:
        async with self._pool.connection() as connection:
            return await claim.claim(connection, shard, self._owner, _now())

    async def _carefully(self, drive: Drive) -> None:
        """Shards whose workers keep dying are driven one after the other: the next death then tells whose fault it is."""
        turn, tries = self._turns[drive.claimed.lane], drive.claimed.tries
        waits = turn.locked()
        if waits:
            await patiently("waiting for a turn", partial(self._count_tries, drive, tries - 1))
        async with turn:
            if waits:
                await patiently("taking a turn", partial(self._count_tries, drive, tries))
            await self._all(drive)

    async def _count_tries(self, drive: Drive, tries: int) -> None:
        async with self._pool.connection() as connection:
            await claim.count_tries(connection, drive.claimed, tries)

    async def _all(self, drive: Drive) -> None:
        careful = drive.claimed.tries >= CAREFUL_TRIES
        gate = asyncio.Semaphore(1 if careful else CONCURRENT_RUNS)
        tasks = drive.tasks
        failure: list[BaseException] = []

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            gate.release()
            if not task.cancelled() and (error := task.exception()) is not None:
                failure.append(error)

        try:
            after = None
            while not failure and (rows := await patiently("reading runs", partial(self._page, drive, after))):
                after = rows[-1]["uuid"]
                slice_end = clock.seconds() + SLICE_SECONDS
                for row in rows:
                    if failure or drive.shard.lost or self._draining.is_set():
                        drive.left = drive.left or self._draining.is_set()
                        break
                    walk, origin = self._walk(row)
                    step = self._start(drive, row, walk)
                    if step is None and self._light(walk):
                        self._put(drive, walk, origin, [(entry, None) for entry in walk.entries], self._end(walk))
                        if clock.seconds() > slice_end:
                            await self._give_way(drive)
                            slice_end = clock.seconds() + SLICE_SECONDS
                        continue
                    await gate.acquire()
                    task = asyncio.create_task(self._one(drive, row, walk, origin, step, careful=careful))
                    tasks.add(task)
                    task.add_done_callback(ended)
                if drive.left or drive.shard.lost:
                    break
            while tasks:
                await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
        if failure:
            raise failure[0]

    async def _page(self, drive: Drive, after: uuid.UUID | None) -> list[dict[str, Any]]:
        await self._refresh(drive)
        async with self._pool.connection() as connection:
            rows = await claim.unfinished(connection, drive.claimed, after, PAGE)
            await self._programs.fill(connection, rows)
            # Not by `tries`: a shard that was given back in order has a journal, too.
            started = [row["uuid"] for row in rows if drive.claimed.epoch > 1 or row["position"] is not None]
            if started:
                entries = await claim.entries(connection, started)
                for row in rows:
                    row["entries"] = entries.get(row["uuid"], [])
        for row in rows:
            for entry in row.get("entries", ()):
                if entry["output_file"]:
                    entry["output"] = await self._large(entry["output_file"])
        return rows

    async def _large(self, key: str) -> bytes:
        try:
            return await self._files.read(key)
        except FileMissing:
            # A shard must end, whatever happened to its files: the later nodes see what they see of a node that failed.
            return b'{"errorMessage": "This output was kept in a file that is gone."}'

    def _walk(self, row: Mapping[str, Any]) -> tuple[Walk, Origin]:
        program: Program | str = row["program"]
        origin = Origin(row["workflow_uuid"], row["release_uuid"], row["batch_uuid"], row["created_ms"] // HOUR)
        if isinstance(program, str):
            broken = Walk(str(row["uuid"]), Program({}, None), row["record"], None)  # pyright: ignore[reportArgumentType]
            broken.status, broken.error = "error", program
            return broken, origin
        walk = begin(str(row["uuid"]), program, row["record"])
        if row.get("entries") or row["pending"]:
            resume(walk, row.get("entries", ()), row["pending"])
        return walk, origin

    def _start(self, drive: Drive, row: Mapping[str, Any], walk: Walk) -> Step | None:
        """Walk a run as far as it goes without waiting: None when that was to its end, which pure graphs need no task for."""
        if self._is_cancelled(drive, row, walk):
            cancel(walk)
        elif drive.claimed.tries > HOPELESS_TRIES and walk.status is None:
            # Whatever stands in the way, a batch must end: these runs say that they could not be finished.
            walk.node, walk.status = None, "error"
            walk.error = f"This run could not be finished in {HOPELESS_TRIES} tries; the server's log says why."
        return advance(walk, _now()) if walk.status is None else None

    @staticmethod
    def _light(walk: Walk) -> bool:
        return all(len(entry.output) <= LARGE_OUTPUT for entry in walk.entries)

    async def _one(self, drive: Drive, row: Mapping[str, Any], walk: Walk, origin: Origin, step: Step | None, *, careful: bool) -> None:
        if careful and self._condemned(drive, walk):
            await patiently("forgiving a shard", partial(self._count_tries, drive, CAREFUL_TRIES))
            step = None
        while step is not None:
            if isinstance(step, Pause):
                if await self._paused(drive, row, walk, origin, step):
                    return
                step = advance(walk, _now())
                continue
            if isinstance(step, Evaluate):
                step = await self._evaluate(drive, row, walk, step)
                continue
            if walk.entries and not step.node.repeatable:
                unsafe = any(entry.effect for entry in walk.entries)
                await self._hand_over(drive, walk, origin, None)
                if unsafe:
                    await self._writers[drive.shard.lane].durable(drive.shard)
            if self._draining.is_set():
                drive.left = True
                return
            await self._refresh(drive)
            if self._is_cancelled(drive, row, walk):
                cancel(walk)
                break
            if careful:
                await self._mark(drive, walk, step)
            step = await self._act(drive, row, walk, step)
        await self._hand_over(drive, walk, origin, self._end(walk))

    async def _evaluate(self, drive: Drive, row: Mapping[str, Any], walk: Walk, asked: Evaluate) -> Step | None:
        """Have the JavaScript engine answer, and go on. Computes only: nothing need be durable before."""
        await self._refresh(drive)
        if self._is_cancelled(drive, row, walk):
            cancel(walk)
            return None
        answers = await evaluator.shared().ask(row["workspace_uuid"], asked.scope, asked.questions)
        walk.answered = Answered({**asked.before, **answers}, asked.now)
        return advance(walk, _now())

    async def _act(self, drive: Drive, row: Mapping[str, Any], walk: Walk, act: Act) -> Step | None:
        call = Call(
            workspace=row["workspace_uuid"],
            workflow=row["workflow_uuid"],
            run=row["uuid"],
            batch=row["batch_uuid"],
            trace=row["trace_uuid"],
            node=act.node.raw,
            config=act.config,
            context=walk.context,
            key=act.key,
            attempt=act.attempt,
            meta=act.meta,
            parent=walk.parent,
        )
        crash.point("before effect")
        crash.point(f"effect {act.node.slug}")
        self._hurry(drive, -1)
        try:
            outcome = await self._perform(act, call)
        finally:
            self._hurry(drive, 1)
        crash.point("after effect")
        now = _now()
        pause = settle(walk, act.node, act.config, outcome, act.warnings, act.started, now)
        return pause or advance(walk, now)

    async def _perform(self, act: Act, call: Call) -> Outcome:
        perform = self._actions.effects[act.node.effect]
        try:
            async with asyncio.timeout(EFFECT_SECONDS):
                return await perform(call)
        except AWAY as error:
            _log.warning("an action found the database away; it is tried again", run=str(call.run), cause=str(error).strip()[:200])
            return Later(1.0, call.meta, "the database is away")
        except TimeoutError:
            return Failed(f"No answer within {EFFECT_SECONDS:.0f} seconds.", transient=True)
        except Exception as error:
            _log.exception("an action raised", run=str(call.run), node=act.node.slug, effect=act.node.effect)
            return Failed(f"The action broke ({type(error).__name__}); the server's log has the details.")

    async def _paused(self, drive: Drive, row: Mapping[str, Any], walk: Walk, origin: Origin, pause: Pause) -> bool:
        """Sit out a short pause here; park the run for a long one (True), so that it holds no worker."""
        if pause.seconds <= PARK_SECONDS and not self._draining.is_set():
            try:
                await asyncio.wait_for(self._draining.wait(), pause.seconds)
            except TimeoutError:
                return False
        await self._refresh(drive)
        if self._is_cancelled(drive, row, walk):
            cancel(walk)
            await self._hand_over(drive, walk, origin, self._end(walk))
            return True
        now = _now()
        state = RunState(
            walk.run,
            "idle",
            now,
            credits=walk.credits,
            position=walk.node.uuid if walk.node else None,
            wake=now + int(pause.seconds * 1000),
            pending=walk.pending(),
        )
        await self._hand_over(drive, walk, origin, state)
        return True

    async def _hand_over(self, drive: Drive, walk: Walk, origin: Origin, state: RunState | None) -> None:
        entries: list[tuple[Entry, str | None]] = []
        for entry in walk.entries:
            file = None
            if len(entry.output) > LARGE_OUTPUT:
                file = f"{drive.shard.workspace}/outputs/{walk.run}/{entry.seq}.json"
                await self._files.put(file, entry.output)
            entries.append((entry, file))
        await self._writers[drive.shard.lane].room()
        self._put(drive, walk, origin, entries, state)

    def _put(self, drive: Drive, walk: Walk, origin: Origin, entries: list[tuple[Entry, str | None]], state: RunState | None) -> None:
        walk.entries = []
        if drive.shard.lost:
            raise Lost
        self._writers[drive.shard.lane].put(drive.shard, walk.run, origin, entries, state)

    def _end(self, walk: Walk) -> RunState:
        return RunState(walk.run, walk.status or "error", _now(), walk.error, walk.credits)

    def _is_cancelled(self, drive: Drive, row: Mapping[str, Any], walk: Walk) -> bool:
        return drive.shard.cancelling or row["status"] == "cancelling" or walk.run in drive.cancelled

    async def _refresh(self, drive: Drive) -> None:
        """Look which runs were cancelled when a flush brought a new signal."""
        if drive.shard.signal != drive.seen_signal:
            drive.seen_signal = drive.shard.signal
            drive.cancelled |= await patiently("reading what was cancelled", partial(self._cancelling, drive))

    async def _cancelling(self, drive: Drive) -> set[str]:
        async with self._pool.connection() as connection:
            return await claim.cancelling(connection, drive.claimed)

    async def _mark(self, drive: Drive, walk: Walk, act: Act) -> None:
        """In a shard whose workers keep dying: write down the step before taking it, so that the killer is known."""
        step = f"{walk.run}:{act.node.uuid}"
        drive.shard.suspect = f"{step}:{_deaths(drive.claimed.suspect, step) + 1}"
        await self._writers[drive.shard.lane].durable(drive.shard, urgent=True)

    def _condemned(self, drive: Drive, walk: Walk) -> bool:
        """Fail the node that killed its worker so often, and not the batch."""
        if drive.claimed.tries <= MOST_TRIES or walk.node is None:
            return False
        if _deaths(drive.claimed.suspect, f"{walk.run}:{walk.node.uuid}") <= MOST_TRIES - CAREFUL_TRIES:
            return False
        fail(walk, f"The worker died {drive.claimed.tries - 1} times in or around node {walk.node.slug}; it is not tried again.", _now())
        drive.shard.suspect = None
        return True


def _deaths(suspect: str | None, step: str) -> int:
    """How often in a row careful workers died after they had written down this step."""
    former, _, count = (suspect or "").rpartition(":")
    return int(count) if former == step else 0


def _now() -> int:
    return int(clock.unix() * 1000)
