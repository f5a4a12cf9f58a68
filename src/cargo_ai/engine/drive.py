"""Drive: one worker process walks the runs of a shard on asyncio and hands what happened to the writer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine import claim, crash
from cargo_ai.engine.action import Actions, Call, Failed, Outcome
from cargo_ai.engine.claim import Claimed
from cargo_ai.engine.graph import GraphInvalid, Program, load
from cargo_ai.engine.interpret import Act, Entry, Pause, Walk, advance, begin, cancel, fail, resume, settle
from cargo_ai.engine.journal import HOUR, Origin, RunState, Shard
from cargo_ai.engine.queue import Queue
from cargo_ai.engine.writer import Lost, Writer
from cargo_ai.kernel import clock, log
from cargo_ai.store.files import FileStore

PARK_SECONDS = 2.0
CONCURRENT_RUNS = 100
LARGE_OUTPUT = 64 * 1024
MOST_TRIES = 5
CAREFUL_TRIES = 3
EFFECT_SECONDS = 900.0
SLICE_SECONDS = 0.005
PAGE = 200

_log = log.get(__name__)


@dataclass(slots=True)
class Drive:
    """One shard while it is driven."""

    claimed: Claimed
    shard: Shard
    seen_signal: int
    cancelled: set[str] = field(default_factory=set[str])
    left: bool = False
    """Some run was left unfinished on purpose (draining): the shard goes back to the queue."""


class Driver:
    """Walks shards. One per process; `drain` makes it stop at the next node boundaries."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], writer: Writer, queue: Queue, actions: Actions, files: FileStore, owner: str
    ) -> None:
        self._pool, self._writer, self._queue = pool, writer, queue
        self._actions, self._files, self._owner = actions, files, owner
        self._programs: dict[uuid.UUID, Program | str] = {}
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Take no further step that has an effect; what is parked or left goes to other workers."""
        self._draining.set()

    async def drive(self, shard: str) -> None:
        """The queue's job: everything that is unfinished in one shard."""
        async with self._pool.connection() as connection:
            claimed = await claim.claim(connection, uuid.UUID(shard), self._owner, _now())
        if claimed is None:
            return
        held = Shard(claimed.uuid, claimed.epoch, claimed.workspace, claimed.batch, claimed.lane, signal=claimed.signal)
        held.cancelling = claimed.cancelling
        drive = Drive(claimed, held, claimed.signal)
        self._writer.hold(held)
        try:
            await self._all(drive)
            await self._writer.durable(held, urgent=True)
        except Lost:
            _log.info("shard taken over by another worker", shard=shard, epoch=held.epoch)
            return
        finally:
            self._writer.release(held)
        crash.point("before shard end")
        await claim.finish(self._pool, self._queue, claimed, requeue=drive.left)

    async def _all(self, drive: Drive) -> None:
        careful = drive.claimed.tries >= CAREFUL_TRIES
        gate = asyncio.Semaphore(1 if careful else CONCURRENT_RUNS)
        tasks: set[asyncio.Task[None]] = set()
        failure: list[BaseException] = []

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            gate.release()
            if not task.cancelled() and (error := task.exception()) is not None:
                failure.append(error)

        try:
            after = None
            while not failure and (rows := await self._page(drive, after)):
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
                            # Other shards and single runs share this loop: give way every few milliseconds.
                            await self._writer.room()
                            await asyncio.sleep(0)
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
            missing = {row["graph_uuid"] for row in rows} - self._programs.keys()
            if missing:
                await self._load_programs(connection, missing)
            started = [row["uuid"] for row in rows if drive.claimed.tries > 1 or row["position"] is not None]
            if started:
                entries = await claim.entries(connection, started)
                for row in rows:
                    row["entries"] = entries.get(row["uuid"], [])
        for row in rows:
            for entry in row.get("entries", ()):
                if entry["output_file"]:
                    entry["output"] = await self._files.read(entry["output_file"])
        return rows

    async def _load_programs(self, connection: Any, missing: set[uuid.UUID]) -> None:
        if len(self._programs) > 200:
            self._programs.clear()
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute("select uuid, nodes from graphs where uuid = any(%s)", (list(missing),))
            for row in await cursor.fetchall():
                try:
                    self._programs[row["uuid"]] = load(row["nodes"], self._actions)
                except GraphInvalid as error:
                    self._programs[row["uuid"]] = str(error)
        for graph in missing - self._programs.keys():
            self._programs[graph] = "The graph of this run is gone."

    def _walk(self, row: Mapping[str, Any]) -> tuple[Walk, Origin]:
        program = self._programs[row["graph_uuid"]]
        origin = Origin(row["workflow_uuid"], row["release_uuid"], row["batch_uuid"], row["created_ms"] // HOUR)
        if isinstance(program, str):
            broken = Walk(str(row["uuid"]), Program({}, None), row["record"], None)  # pyright: ignore[reportArgumentType]
            broken.status, broken.error = "error", program
            return broken, origin
        walk = begin(str(row["uuid"]), program, row["record"])
        if row.get("entries") or row["pending"]:
            resume(walk, row.get("entries", ()), row["pending"])
        return walk, origin

    def _start(self, drive: Drive, row: Mapping[str, Any], walk: Walk) -> Act | Pause | None:
        """Walk a run as far as it goes without waiting: None when that was to its end, which pure graphs need no task for."""
        if self._is_cancelled(drive, row, walk):
            cancel(walk)
        return advance(walk, _now()) if walk.status is None else None

    @staticmethod
    def _light(walk: Walk) -> bool:
        return all(len(entry.output) <= LARGE_OUTPUT for entry in walk.entries)

    async def _one(
        self, drive: Drive, row: Mapping[str, Any], walk: Walk, origin: Origin, step: Act | Pause | None, *, careful: bool
    ) -> None:
        if careful and self._condemned(drive, walk):
            step = None
        while step is not None:
            if isinstance(step, Pause):
                if await self._paused(drive, row, walk, origin, step):
                    return
                step = advance(walk, _now())
                continue
            if walk.entries:
                unsafe = any(entry.effect for entry in walk.entries)
                await self._hand_over(drive, walk, origin, None)
                if unsafe:
                    await self._writer.durable(drive.shard)
            if self._draining.is_set():
                drive.left = True
                return
            await self._refresh(drive)
            if self._is_cancelled(drive, row, walk):
                cancel(walk)
                break
            if careful:
                await self._mark(drive, walk, step)
            step = await self._act(row, walk, step)
        await self._hand_over(drive, walk, origin, self._end(walk))

    async def _act(self, row: Mapping[str, Any], walk: Walk, act: Act) -> Act | Pause | None:
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
        )
        crash.point("before effect")
        outcome = await self._perform(act, call)
        crash.point("after effect")
        now = _now()
        pause = settle(walk, act.node, act.config, outcome, act.warnings, act.started, now)
        return pause or advance(walk, now)

    async def _perform(self, act: Act, call: Call) -> Outcome:
        perform = self._actions.effects[act.node.effect]
        try:
            async with asyncio.timeout(EFFECT_SECONDS):
                return await perform(call)
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
        await self._writer.room()
        self._put(drive, walk, origin, entries, state)

    def _put(self, drive: Drive, walk: Walk, origin: Origin, entries: list[tuple[Entry, str | None]], state: RunState | None) -> None:
        walk.entries = []
        if drive.shard.lost:
            raise Lost
        self._writer.put(drive.shard, walk.run, origin, entries, state)

    def _end(self, walk: Walk) -> RunState:
        return RunState(walk.run, walk.status or "error", _now(), walk.error, walk.credits)

    def _is_cancelled(self, drive: Drive, row: Mapping[str, Any], walk: Walk) -> bool:
        return drive.shard.cancelling or row["status"] == "cancelling" or walk.run in drive.cancelled

    async def _refresh(self, drive: Drive) -> None:
        """Look which runs were cancelled when a flush brought a new signal."""
        if drive.shard.signal != drive.seen_signal:
            drive.seen_signal = drive.shard.signal
            async with self._pool.connection() as connection:
                drive.cancelled |= await claim.cancelling(connection, drive.claimed)

    async def _mark(self, drive: Drive, walk: Walk, act: Act) -> None:
        """In a shard whose workers keep dying: write down the step before taking it, so that the killer is known."""
        drive.shard.suspect = f"{walk.run}:{act.node.uuid}"
        await self._writer.durable(drive.shard, urgent=True)

    def _condemned(self, drive: Drive, walk: Walk) -> bool:
        """Fail the node that killed its worker so often, and not the batch."""
        suspect = drive.claimed.suspect
        if drive.claimed.tries <= MOST_TRIES or walk.node is None or suspect != f"{walk.run}:{walk.node.uuid}":
            return False
        fail(walk, f"The worker died {drive.claimed.tries - 1} times in or around node {walk.node.slug}; it is not tried again.", _now())
        drive.shard.suspect = None
        return True


def _now() -> int:
    return int(clock.unix() * 1000)
