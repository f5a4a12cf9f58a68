"""Writer: one per process; gathers what all shards journal and commits it in groups."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg

from cargo_ai.engine.graph.interpret import Execution
from cargo_ai.engine.journal import crash_points, flush
from cargo_ai.engine.journal.fanout import Fanout
from cargo_ai.engine.journal.flush import HeldShard, MetricScope, RunUpdate, ShardFlush
from cargo_ai.kernel import clock, log

GROUP_SECONDS = 0.05
GROUP_ROWS = 2_000
MOST_WAITING_ROWS = 10_000
TOUCH_SECONDS = 1.0

_log = log.get(__name__)


class ShardLost(Exception):
    """The shard belongs to somebody else now: stop working on it."""


class Writer:
    """Group commit: rows wait for at most 50 ms, or 2,000 of them, or an urgent one. `durable` returns when they are committed."""

    def __init__(self, connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]], slot: int) -> None:
        self._connect = connect
        self._slot = slot
        self._parts: dict[Any, ShardFlush] = {}
        self._held: dict[Any, HeldShard] = {}
        self._rows = 0
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._flushed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self.woken: Callable[[], None] = lambda: None
        """Called when a flush made runs due that waited for others."""
        self._task = asyncio.create_task(self._run(), name="journal writer")

    def hold(self, shard: HeldShard) -> None:
        """Keep a shard's claim fresh (touched each second) until it is released."""
        self._held[shard.uuid] = shard

    def release(self, shard: HeldShard) -> None:
        """The shard is finished or given back."""
        self._held.pop(shard.uuid, None)

    def put(
        self, shard: HeldShard, run: str, origin: MetricScope, entries: list[tuple[Execution, str | None]], state: RunUpdate | None
    ) -> None:
        """Hand over what happened to a run; it is written with the next flush."""
        part = self._part(shard)
        for entry, file in entries:
            part.entries.append((run, entry, file))
            part.count(origin, entry)
        if state is not None:
            part.states.append(state)
            if state.status == "idle" and state.position:
                part.count_parked(origin, state.position)
        self._added(len(entries) + 1, urgent=shard.lane == "interactive")

    def put_fanout(self, shard: HeldShard, fanout: Fanout) -> None:
        """Hand over runs that a node of one of the shard's runs starts; `durable` says when they exist, or were refused."""
        self._part(shard).fanouts.append(fanout)
        self._added(len(fanout.children) + 1, urgent=shard.lane == "interactive")

    def _part(self, shard: HeldShard) -> ShardFlush:
        part = self._parts.get(shard.uuid)
        if part is None:
            part = self._parts[shard.uuid] = ShardFlush(shard)
        return part

    def _added(self, rows: int, *, urgent: bool) -> None:
        self._rows += rows
        self._work.set()
        if urgent or self._rows >= GROUP_ROWS:
            self._urgent.set()
        if self._rows >= MOST_WAITING_ROWS:
            self._room.clear()

    async def room(self) -> None:
        """Wait while too much is waiting to be written: memory stays flat when the database is slow or away."""
        await self._room.wait()

    async def durable(self, shard: HeldShard, *, urgent: bool = False) -> None:
        """Return when everything that was put so far is committed; Lost when the shard was taken over."""
        self._part(shard)
        self._work.set()
        if urgent or shard.lane == "interactive":
            self._urgent.set()
        await asyncio.shield(self._flushed)
        if shard.lost:
            raise ShardLost

    async def close(self) -> None:
        """Write what is waiting and stop."""
        if self._parts:
            self._urgent.set()
            self._work.set()
            await asyncio.shield(self._flushed)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._connection is not None:
            await self._connection.close()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._work.wait(), TOUCH_SECONDS)
            if self._work.is_set() and not self._urgent.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._urgent.wait(), GROUP_SECONDS)
            for shard in list(self._held.values()):
                self._part(shard)  # an empty part is a touch: it keeps the claim and brings the signals
            if self._parts:
                await self._flush()

    async def _flush(self) -> None:
        parts, self._parts, self._rows = list(self._parts.values()), {}, 0
        done, self._flushed = self._flushed, asyncio.get_running_loop().create_future()
        self._work.clear()
        self._urgent.clear()
        self._room.set()
        await self._commit(parts)
        done.set_result(None)

    async def _commit(self, parts: list[ShardFlush]) -> None:
        """Pause, don't fail, while the database is away: the same rows are written when it is back."""
        flush_id, unsure, wait = flush.new_flush_id(), False, 0.05
        while True:
            try:
                connection = await self._open()
                if unsure and await flush.is_written(connection, parts, flush_id):
                    return
                crash_points.point("before flush")
                woken = await flush.write(connection, parts, flush_id, self._slot, clock.now_ms())
                crash_points.point("after flush")
                if woken:
                    self.woken()
                return
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                _log.warning("the journal cannot be written now; trying again", cause=str(error).strip()[:200], wait_seconds=wait)
                if self._connection is not None:
                    with contextlib.suppress(Exception):
                        await self._connection.close()
                self._connection, unsure = None, True
                await asyncio.sleep(wait)
                wait = min(wait * 2, 2.0)
            except Exception as error:
                # Also what is no fault of the database's: a writer that died would leave everybody waiting.
                if len(parts) > 1:
                    for part in parts:
                        await self._commit([part])
                    return
                # One shard's rows are refused: it is given up here and driven anew, and all others go on.
                _log.error("the rows of a shard were refused", shard=str(parts[0].shard.uuid), cause=str(error).strip()[:500])
                parts[0].shard.lost = True
                return

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await self._connect()
        return self._connection
