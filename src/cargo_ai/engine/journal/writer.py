"""Gather what the shards of this process journal and commit it in groups (group commit)."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import psycopg

from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal import crash_points, flush, single_flush, small_flush
from cargo_ai.engine.journal.fanout import Fanout
from cargo_ai.engine.journal.packing import KnownPaths
from cargo_ai.engine.journal.shard_flush import HeldShard, MetricScope, RunUpdate, ShardFlush
from cargo_ai.kernel import clock, log, tasks
from cargo_ai.ledger.amounts import ZERO

GROUP_SECONDS = 0.05
BEGIN_SECONDS = 0.005
GROUP_ROWS = 2_000
GROUP_EFFECTS = 64
MAX_UNCOMMITTED_EFFECTS = 96
MAX_WAITING_ROWS = 10_000
TOUCH_SECONDS = 1.0
PLANNER = "-c enable_seqscan=off -c enable_mergejoin=off"
"""Settings of a writer's connection. Its rows are new, so that statistics know none of them: where only nested loops are left, the ends of
runs are looked for by comparing each of a flush with each. By a hash it is; but no plan that was made for an empty table reads all of one
that has grown."""

_log = log.get(__name__)


class ShardLost(Exception):
    """Another worker has claimed the shard: stop working on it."""


class Writer:
    """Group commit: rows wait for at most 50 ms, or 2,000 of them, or 64 effects, or an urgent one; 5 ms where an effect waits to begin.

    An effect that has ended is repeated if this process dies before it is committed: so few of them wait for others, and no more begin
    while 96 have ended and are not committed.

    `durable` returns when they are committed. `fee`: credits for each execution, besides what its node costs.
    """

    def __init__(self, connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]], slot: int, fee: Decimal = ZERO) -> None:
        self._connect = connect
        self._slot, self._fee = slot, fee
        self._known = KnownPaths()
        # By claim and not by shard: a process may claim a shard again while what it does with the former claim goes on.
        self._parts: dict[HeldShard, ShardFlush] = {}
        self._held: set[HeldShard] = set()
        self._touching: asyncio.TimerHandle | None = None
        self._rows = self._effects = 0
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._has_capacity = asyncio.Event()
        self._has_capacity.set()
        self._uncommitted = 0
        self._may_act = asyncio.Event()
        self._may_act.set()
        self._flushed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self.parked: Callable[[int], None] = lambda _: None
        """Called after a flush that parked runs, with the time when the first of them is due, in milliseconds since 1970."""
        self.failed: Callable[[], None] = lambda: None
        """Called after a flush in which something failed."""
        self._task = asyncio.create_task(self._run(), name="journal writer")

    def hold(self, shard: HeldShard) -> None:
        """Keep a shard's claim fresh (touched each second) until it is released."""
        self._held.add(shard)
        if self._touching is None:
            self._touching = asyncio.get_running_loop().call_later(TOUCH_SECONDS, self._touch)

    def _touch(self) -> None:
        """An empty part is a touch: it keeps the claim and brings the signals."""
        self._touching = asyncio.get_running_loop().call_later(TOUCH_SECONDS, self._touch) if self._held else None
        for shard in self._held:
            self._part(shard)
            self._work.set()

    def release(self, shard: HeldShard) -> None:
        """The shard is finished or given back."""
        self._held.discard(shard)

    def put(
        self, shard: HeldShard, run: str, scope: MetricScope, executions: list[tuple[Execution, str | None]], update: RunUpdate | None
    ) -> None:
        """Add what happened to a run to the next flush: executions with the files of large outputs, and what changes on its row."""
        part = self._part(shard)
        for execution, file in executions:
            if shard.begun:
                self._ended(shard, f"{run}:{execution.node}:{execution.visit}")
            part.executions.append((run, execution, file))
            part.count(scope, execution)
            self._add_effects(execution.effect)
        if update is not None:
            part.updates.append(update)
            if update.status == "idle" and update.position:
                part.count_parked(scope, update.position)
        self._add_rows(len(executions) + 1, urgent=shard.lane == "interactive" or self._effects >= GROUP_EFFECTS)

    async def begin(self, shard: HeldShard, key: str) -> None:
        """Return when it is durable that this effect was begun, so that it is never begun again; Lost when the shard was taken over."""
        shard.begun.add(key)
        shard.has_new_begun = True
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(BEGIN_SECONDS, self._urgent.set)
        await self.durable(shard)

    def forget(self, shard: HeldShard, key: str) -> None:
        """An effect that was begun was surely not done: it may be begun again."""
        self._ended(shard, key)

    def _ended(self, shard: HeldShard, key: str) -> None:
        if key in shard.begun:
            shard.begun.discard(key)
            shard.has_new_begun = True

    def put_fanout(self, shard: HeldShard, fanout: Fanout) -> None:
        """Add runs that a node of one of the shard's runs starts to the next flush; after `durable` they exist, or were refused."""
        shard.single = False
        self._part(shard).fanouts.append(fanout)
        self._add_rows(len(fanout.children) + 1, urgent=shard.lane == "interactive")

    def _part(self, shard: HeldShard) -> ShardFlush:
        part = self._parts.get(shard)
        if part is None:
            part = self._parts[shard] = ShardFlush(shard)
        return part

    def _add_rows(self, rows: int, *, urgent: bool) -> None:
        self._rows += rows
        self._work.set()
        if urgent or self._rows >= GROUP_ROWS:
            self._urgent.set()
        if self._rows >= MAX_WAITING_ROWS:
            self._has_capacity.clear()

    def _add_effects(self, count: int) -> None:
        """Count effects that have ended; below 0: that are committed."""
        self._effects += max(0, count)
        self._uncommitted += count
        if self._uncommitted < MAX_UNCOMMITTED_EFFECTS:
            self._may_act.set()
        else:
            self._may_act.clear()

    async def wait_for_effects(self) -> None:
        """Wait while many effects that have ended are not committed: more would be repeated if this process died."""
        await self._may_act.wait()

    async def wait_for_capacity(self) -> None:
        """Wait while too many rows are not yet written: memory stays flat when the database is slow or unavailable."""
        await self._has_capacity.wait()

    async def durable(self, shard: HeldShard, *, urgent: bool = False) -> None:
        """Return when everything that was put so far is committed; Lost when the shard was taken over."""
        if shard.ended:
            return
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
        if self._touching is not None:
            self._touching.cancel()
        await tasks.cancel(self._task)
        if self._connection is not None:
            await self._connection.close()

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            if not self._urgent.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._urgent.wait(), GROUP_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        parts, self._parts, self._rows = list(self._parts.values()), {}, 0
        effects, self._effects = self._effects, 0
        done, self._flushed = self._flushed, asyncio.get_running_loop().create_future()
        for part in parts:
            part.seal()
        self._work.clear()
        self._urgent.clear()
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._has_capacity.set()
        left = await self._commit_singles([part for part in parts if not part.shard.ended])
        if left:
            await self._commit(left)
        self._add_effects(-effects)
        done.set_result(None)

    async def _commit_singles(self, parts: list[ShardFlush]) -> list[ShardFlush]:
        """Write single runs that have ended in one statement, with their shards; what is left for the common way, which also finds out what
        is wrong."""
        singles = [part for part in parts if single_flush.is_single(part)] if self._fee == ZERO else []
        if not singles:
            return parts
        try:
            connection = await self._open()
            crash_points.point("before flush")
            is_written = await single_flush.write(connection, singles, self._slot)
            crash_points.point("after flush")
        except Exception as error:
            # Also for bugs of ours: a writer that ended would leave all its shards waiting.
            _log.warning("single runs could not be written at once", cause=str(error).strip()[:200])
            return parts
        if not is_written:
            return parts
        for part in singles:
            part.shard.ended = True
        if any(part.has_failed for part in singles):
            self.failed()
        return [part for part in parts if not part.shard.ended]

    async def _commit(self, parts: list[ShardFlush]) -> None:
        """Pause, don't fail, while the database is unavailable: the same rows are written when it is back."""
        flush_id, unsure, wait = flush.new_flush_id(), False, 0.05
        while True:
            try:
                connection = await self._open()
                if unsure and await flush.is_written(connection, parts, flush_id):
                    return
                crash_points.point("before flush")
                due = await self._write(connection, parts, flush_id)
                crash_points.point("after flush")
                if due is not None:
                    self.parked(due)
                if any(part.has_failed for part in parts):
                    self.failed()
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
                # Also for bugs of ours: a writer that ended would leave all its shards waiting.
                if len(parts) > 1:
                    for part in parts:
                        await self._commit([part])
                    return
                # One shard's rows are refused: it is given up here and driven again from its journal, and all others continue.
                _log.error("the rows of a shard were refused", shard=str(parts[0].shard.uuid), cause=str(error).strip()[:500])
                parts[0].shard.lost = True
                return

    async def _write(self, connection: psycopg.AsyncConnection[Any], parts: list[ShardFlush], flush_id: uuid.UUID) -> int | None:
        """When the first run that is parked with it is due."""
        now = clock.now_ms()
        is_small = self._fee == ZERO and small_flush.is_small(parts)
        if is_small and await small_flush.write(connection, parts, flush_id, self._slot, now, self._known):
            return None
        return await flush.write(connection, parts, flush_id, self._slot, now, self._fee, self._known)

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await self._connect()
        return self._connection
