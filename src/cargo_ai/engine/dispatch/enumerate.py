"""Enumerate batches: create a run for each record, chunk by chunk, never all in memory, and continue where a dead worker stopped."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool
from pydantic_core import to_json
from sqlalchemy import exc

from cargo_ai.engine.dispatch import admission, stages
from cargo_ai.engine.dispatch.claim import admit_shards, close_batch, other_workspaces_wait
from cargo_ai.engine.dispatch.credits import FREE, EstimateRun, RunCosts, free, is_denied, reserve_runs
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.dispatch.submit import record_id, record_title
from cargo_ai.engine.journal import crash_points, replay
from cargo_ai.engine.journal.copy_format import NULL, escape
from cargo_ai.engine.journal.graphs import read_graph
from cargo_ai.engine.journal.replay import ReplayRecord
from cargo_ai.engine.journal.shard_flush import NIL
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel import clock, ids, log
from cargo_ai.store.availability import retry_until_available
from cargo_ai.store.driver import Connection
from cargo_ai.store.table_sql import copy_sql

Chunks = AsyncGenerator[list[dict[str, Any]]]
Source = Callable[[uuid.UUID, Mapping[str, Any], int, uuid.UUID], Chunks]
"""(workspace, the batch's data, records to skip, the batch) → chunks of records. Raises SourceFailed with a sentence.

A source whose records may change finds those to skip through the runs of the batch, which are `skip` in number.
"""

IsLight = Callable[[Connection, uuid.UUID], Awaitable[bool]]
"""Whether a run of this graph takes no more than a fraction of a millisecond."""

_Entry = tuple[uuid.UUID, dict[str, Any]]
"""A run to be created, and its record."""

_Shard = tuple[uuid.UUID, int, uuid.UUID, uuid.UUID]
"""A shard to be created: its id, the position behind its last run, its first and its last run."""

LARGE_BATCH = 20_000
LARGE_SHARD = 1_000
LIGHT_BATCH = 2_000
LIGHT_SHARD = 500
"""Where runs take next to nothing, beginnings and ends of shards cost much; few enough that all workers end at about the same time. Not
where other workspaces wait: turns of a workspace are shards, and are to be alike."""
STAGE_SHARD = 25
LIMITED_SHARD = 50
"""Where few runs may go at once, others are not to wait for long behind one shard."""
FIRST_ROWS = 400
TRANSACTION_ROWS = 4_000
URGENT_RUNS = 100
"""About this many runs of an urgent batch take the interactive lane."""

NON_RETRYABLE = (ValueError, TypeError, LookupError, psycopg.DataError, exc.DataError)
"""What would be raised again each time the records are read: the batch ends instead."""

_log = log.get(__name__)


class SourceFailed(Exception):
    """The records cannot be read to their end; the message is for the user."""


@dataclass(slots=True)
class Sources:
    """Where the records of each kind of batch data come from. Filled by the composition root."""

    kinds: dict[str, Source] = field(default_factory=dict[str, Source])


CLAIM = """
update batches set epoch = epoch + 1, status = 'querying', updated_ms = %s
where uuid = %s and not enumerated and finished_ms is null and status in ('pending', 'querying', 'running')
returning epoch, workspace_uuid, workflow_uuid, user_uuid, release_uuid, graph_uuid, trace_uuid, data, shard_size, cursor, enrolment,
    urgent, pace is not null
"""
LOCK = "select 1 from batches where uuid = %s for update"
ADVANCE = """
update batches set cursor = cursor + %s, skipped_count = skipped_count + %s, updated_ms = %s
where uuid = %s and epoch = %s and status = 'querying' returning cursor
"""
# fmt: off
_COLUMNS = (
    "uuid", "workspace_uuid", "workflow_uuid", "batch_uuid", "shard_uuid", "graph_uuid", "release_uuid", "user_uuid", "trace_uuid",
    "record_id", "record_title", "record", "replay_of", "replay_root", "taken", "replay_path", "created_ms", "updated_ms",
)
# fmt: on
RUNS = copy_sql(runs, *_COLUMNS)
SKIPPED = copy_sql(runs, *_COLUMNS, "status", "rare_status", "finished_ms", "error_message")
SHARDS = """
insert into shards (uuid, workspace_uuid, batch_uuid, no, lane, state, first_run, last_run, touched_ms)
select v.uuid, %s, %s, v.no, %s, %s, v.first, v.last, %s from unnest(%s::uuid[], %s::bigint[], %s::uuid[], %s::uuid[])
    as v(uuid, no, first, last)
"""


@dataclass(slots=True)
class _Batch:
    uuid: uuid.UUID
    epoch: int
    workspace: uuid.UUID
    workflow: uuid.UUID
    user: uuid.UUID | None
    release: uuid.UUID | None
    graph: uuid.UUID
    trace: uuid.UUID
    data: Mapping[str, Any]
    shard_size: int
    cursor: int
    enrolment: admission.Rule | None
    urgent: bool
    staged: bool
    capacity: int | None = None
    """How many more records may be enrolled in the present stage; None without stages."""
    more: bool = False
    """There are records after the present stage."""
    costs: RunCosts = FREE
    """What a run of it may cost a workspace that is limited."""
    is_light: bool = False
    """Its runs take next to nothing."""
    is_short: bool = False
    """The workspace could not pay for all records of the last transaction."""


async def _unknown(_connection: Connection, _graph: uuid.UUID) -> bool:
    return False


class Enumerator:
    """The queue's job `enumerate`: one batch, from its cursor to the end of its source."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], queue: Queue, sources: Sources, estimate: EstimateRun = free, is_light: IsLight = _unknown
    ) -> None:
        self._pool, self._queue, self._sources, self._estimate, self._is_light = pool, queue, sources, estimate, is_light
        self._draining = False

    def drain(self) -> None:
        """Stop after the present chunk; another worker goes on from the cursor."""
        self._draining = True

    async def enumerate(self, batch: str) -> None:
        """Write runs and shards; the batch's cursor moves in the same transactions, so that nothing is enrolled twice."""
        # After a lost connection the batch is claimed again and continues from its cursor, whether or not the last chunk was committed.
        await retry_until_available("enumerating a batch", partial(self._enumerate, uuid.UUID(batch)))

    async def _enumerate(self, uid: uuid.UUID) -> None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(CLAIM, (_now(), uid))).fetchone()
        if row is None:
            return
        claimed = _Batch(uid, *row)
        await self._price(claimed)
        if claimed.staged and claimed.cursor and not await self._any_left(claimed):
            await self._end(claimed, None)
            return
        if claimed.staged and not await self._may_continue(claimed):
            return
        problem = None
        try:
            if not await self._read(claimed):
                return
        except SourceFailed as error:
            problem = str(error)
        except NON_RETRYABLE as error:
            _log.exception("the records of a batch cannot be read", batch=str(uid))
            problem = f"The records cannot be read ({type(error).__name__}); the server's log has the details."
        if claimed.more and problem is None:
            await self._wait(claimed)
        else:
            await self._end(claimed, problem)

    async def _price(self, batch: _Batch) -> None:
        """What its runs may cost. Where the workspace may not spend more than it has, it is enrolled in stages that can be paid for."""
        async with self._pool.connection() as connection:
            nodes = await read_graph(connection, batch.workspace, batch.graph)
            batch.is_light = await self._is_light(connection, batch.graph)
        batch.costs = await self._estimate(batch.workspace, nodes)
        if batch.staged or batch.costs.is_free:
            return
        async with self._pool.connection() as connection:
            if await is_denied(connection, batch.workspace):
                await stages.begin_stages(connection, batch.uuid, batch.epoch)
                batch.staged = True

    async def _any_left(self, batch: _Batch) -> bool:
        """Whether there are records after the cursor: a worker that claims a batch at its very end must not begin another stage."""
        source = self._sources.kinds.get(str(batch.data.get("kind")))
        if source is None:
            return True
        try:
            async with aclosing(source(batch.workspace, batch.data, batch.cursor, batch.uuid)) as chunks:
                async for chunk in chunks:
                    if chunk:
                        return True
        except SourceFailed:
            return True  # Reading it for good says what is wrong.
        return False

    async def _may_continue(self, batch: _Batch) -> bool:
        """Whether a stage begins or goes on. If not, runs of the last one go on, or the batch stops here: then it may be over."""
        async with self._pool.connection() as connection:
            batch.capacity = await stages.enter_stage(connection, batch.workspace, batch.uuid, batch.epoch, batch.costs)
            if batch.capacity is None:
                # In one transaction: no one would close a batch whose worker died between its stop and its end.
                await close_batch(connection, batch.uuid)
            crash_points.point("before stage commit")
        crash_points.point("after stage commit")
        return batch.capacity is not None

    async def _wait(self, batch: _Batch) -> None:
        async with self._pool.connection() as connection:
            await stages.wait_for_stage(connection, batch.uuid, batch.epoch)
            await close_batch(connection, batch.uuid)
        crash_points.point("before stage wait")

    async def _read(self, batch: _Batch) -> bool:
        source = self._sources.kinds.get(str(batch.data.get("kind")))
        if source is None:
            raise SourceFailed(f"This server cannot read records of kind {batch.data.get('kind')!r}.")
        waiting: list[dict[str, Any]] = []
        limit = (URGENT_RUNS if batch.urgent else FIRST_ROWS) if batch.cursor == 0 else TRANSACTION_ROWS
        async with aclosing(source(batch.workspace, batch.data, batch.cursor, batch.uuid)) as chunks:
            async for chunk in _within(batch, chunks):
                waiting += chunk
                while len(waiting) >= limit:
                    if not await self._write(batch, waiting[:limit]) or await self._hand_back(batch):
                        return False
                    # No faster than others can keep up with: while a large transaction is written, they have nothing new to do.
                    waiting, limit = waiting[limit:], min(2 * max(limit, FIRST_ROWS), TRANSACTION_ROWS)
                    if batch.is_short:
                        return True
        return not waiting or await self._write(batch, waiting)

    async def _write(self, batch: _Batch, records: list[dict[str, Any]]) -> bool:
        """One transaction of runs; False when the batch was cancelled or taken over. Those that the workspace cannot pay for are left out,
        and the stage ends with the others."""
        now = _now()
        async with self._pool.connection() as connection:
            records = await self._affordable(connection, batch, records)
            entering = [(ids.new(), record) for record in records]
            out = {run: record.skip for run, record in entering if isinstance(record, ReplayRecord) and record.skip}
            if out:
                entering = await self._skip(connection, batch, entering, out, now)
            if batch.enrolment is not None:
                entering = await self._enrol(connection, batch, batch.enrolment, entering, now)
            shards = await self._copy(connection, batch, entering, now)
            await replay.copy_executions(connection, [(run, record.seed) for run, record in entering if isinstance(record, ReplayRecord)])
            # Only now: shards that end meanwhile wait for the batch's row, as does who cancels it.
            counts = (len(records), len(records) - len(entering))
            row = await (await connection.execute(ADVANCE, (*counts, now, batch.uuid, batch.epoch))).fetchone()
            if row is None:
                await connection.rollback()
                return False
            await self._shards(connection, batch, shards, now)
            if batch.is_short:
                await stages.begin_stages(connection, batch.uuid, batch.epoch)
            crash_points.point("before enumeration commit")
        crash_points.point("after enumeration commit")
        batch.cursor = int(row[0])
        return True

    async def _affordable(self, connection: Connection, batch: _Batch, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if batch.costs.is_free:
            return records
        # Before its credits, as who ends the batch: else the two could wait for each other.
        await connection.execute(LOCK, (batch.uuid,))
        count = await reserve_runs(connection, batch.workspace, batch.uuid, len(records), batch.costs.needed)
        batch.is_short = count < len(records)
        batch.more = batch.more or batch.is_short
        return records[:count]

    async def _enrol(self, connection: Connection, batch: _Batch, rule: admission.Rule, entries: list[_Entry], now: int) -> list[_Entry]:
        """Those that may enter; the others are stored as skipped runs, which are over before they begin."""
        named = [(run, record_id(record, run)) for run, record in entries]
        skipped = await admission.enter(connection, batch.workspace, batch.workflow, rule, named, now)
        return await self._skip(connection, batch, entries, dict.fromkeys(skipped, admission.WHY[rule]), now) if skipped else entries

    async def _skip(
        self, connection: Connection, batch: _Batch, entries: list[_Entry], why: Mapping[uuid.UUID, str], now: int
    ) -> list[_Entry]:
        """Store some as skipped runs, each with its reason; returns the others."""
        async with connection.cursor() as cursor, cursor.copy(SKIPPED) as copy:
            for entry in entries:
                if entry[0] in why:
                    end = f"\tskipped\tskipped\t{now}\t{escape(why[entry[0]])}\n"
                    await copy.write(_lines(batch, NIL, [entry], now).replace("\n", end))
        return [entry for entry in entries if entry[0] not in why]

    async def _copy(self, connection: Connection, batch: _Batch, entries: list[_Entry], now: int) -> list[_Shard]:
        """Write the runs, and return the shards that they are to be in."""
        shards: list[_Shard] = []
        if not entries:
            return shards
        size, position = await self._shard_size(connection, batch), batch.cursor
        async with connection.cursor() as cursor, cursor.copy(RUNS) as copy:
            for begin in range(0, len(entries), size):
                group, shard = entries[begin : begin + size], ids.new()
                await copy.write(_lines(batch, shard, group, now))
                position += len(group)
                shards.append((shard, position, group[0][0], group[-1][0]))
        return shards

    async def _shard_size(self, connection: Connection, batch: _Batch) -> int:
        size = batch.shard_size
        if size >= 200 and batch.cursor >= LARGE_BATCH:
            size = max(size, LARGE_SHARD)
        elif size >= 200 and batch.is_light and batch.cursor >= LIGHT_BATCH:
            size = size if await other_workspaces_wait(connection, batch.workspace) else max(size, LIGHT_SHARD)
        if self._queue.most_runs:
            size = min(size, LIMITED_SHARD)
        if batch.capacity is not None:
            # What may be in flight of a stage goes to several workers.
            size = min(size, max(STAGE_SHARD, batch.capacity // 4))
        return size

    async def _shards(self, connection: Connection, batch: _Batch, shards: list[_Shard], now: int) -> None:
        if not shards:
            return
        # The first runs of an urgent batch do not wait for other batches.
        urgent = batch.urgent and batch.cursor < URGENT_RUNS
        columns = [list(column) for column in zip(*shards, strict=True)]
        lane, state = ("interactive", "queued" if not self._queue.most_runs else "waiting") if urgent else ("batch", "waiting")
        await connection.execute(SHARDS, (batch.workspace, batch.uuid, lane, state, now, *columns))
        if state == "queued":
            await self._queue.defer_many(connection, "drive", "interactive", [{"shard": str(shard[0])} for shard in shards])
        else:
            await admit_shards(connection, self._queue, batch.workspace)

    async def _hand_back(self, batch: _Batch) -> bool:
        """Whether this process is to stop, and has handed the rest of the batch back to the queue."""
        if self._draining:
            async with self._pool.connection() as connection:
                await self._queue.defer(connection, "enumerate", "batch", batch=str(batch.uuid))
        return self._draining

    async def _end(self, batch: _Batch, problem: str | None) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(
                "update batches set enumerated = true, status = 'running', error_message = %s, updated_ms = %s "
                "where uuid = %s and epoch = %s and status = 'querying'",
                (problem, _now(), batch.uuid, batch.epoch),
            )
            await close_batch(connection, batch.uuid)


async def _within(batch: _Batch, chunks: Chunks) -> Chunks:
    """The records of the present stage; of a batch without stages all."""
    left = batch.capacity
    async for chunk in chunks:
        if left is None:
            yield chunk
            continue
        if not chunk:
            continue
        if left > 0:
            yield chunk[:left]
        batch.more = len(chunk) > left
        left = max(0, left - len(chunk))
        if batch.more:
            return


def _lines(batch: _Batch, shard: uuid.UUID, entries: list[_Entry], now: int) -> str:
    names = (batch.workspace, batch.workflow, batch.uuid, shard, batch.graph, batch.release or NULL, batch.user or NULL, batch.trace)
    head = "\t".join(str(name) for name in names)
    return "".join(
        f"{run}\t{head}\t{escape(record_id(record, run))}\t{escape(record_title(record))}\t"
        f"{escape(to_json(record, inf_nan_mode='null').decode())}\t{_replay(record)}\t{now}\t{now}\n"
        for run, record in entries
    )


def _replay(record: dict[str, Any]) -> str:
    if not isinstance(record, ReplayRecord):
        return f"{NULL}\t{NULL}\t0\t{NULL}"
    seed = record.seed
    return f"{seed.run}\t{seed.root}\t{seed.taken}\t{NULL if seed.path is None else escape(seed.path)}"


def _now() -> int:
    return clock.now_ms()
