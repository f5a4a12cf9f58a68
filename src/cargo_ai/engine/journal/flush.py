"""Flushes: gather what happened to the runs of several shards and write it in one transaction, fenced by each shard's epoch."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from pydantic_core import to_json

from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal import failures, fanout, packing
from cargo_ai.engine.journal.copy_format import NULL, escape
from cargo_ai.engine.journal.packing import KnownPaths
from cargo_ai.engine.journal.shard_flush import MILLION, NIL, ChargeKey, FeeKey, MetricScope, RunUpdate, ShardFlush
from cargo_ai.engine.journal.tables import execution_rows
from cargo_ai.kernel import ids
from cargo_ai.ledger import charges, reservations
from cargo_ai.ledger.amounts import PLACES, ZERO
from cargo_ai.ledger.charges import Charge
from cargo_ai.ledger.labels import Label
from cargo_ai.store import quotas
from cargo_ai.store.table_sql import copy_sql

PIECE_ROWS = 100


FENCE = """
update shards s set executed = s.executed + v.executed, failed = s.failed + v.failed, cancelled = s.cancelled + v.cancelled,
    credits = s.credits + v.credits, touched_ms = %s, last_flush = %s, suspect = v.suspect,
    begun = coalesce(v.begun, s.begun)
from unnest(%s::uuid[], %s::int[], %s::int[], %s::int[], %s::int[], %s::float8[], %s::text[], %s::jsonb[])
    as v(uuid, epoch, executed, failed, cancelled, credits, suspect, begun)
where s.uuid = v.uuid and s.epoch = v.epoch and s.state = 'running'
returning s.uuid, s.epoch, s.signal, exists (select 1 from batches b where b.uuid = s.batch_uuid and b.status = 'cancelling')
"""
# A run that was cancelled while it was being parked is woken at once, to end.
RUNS = """
update runs r set error_message = v.error, credits = v.credits, position = v.position, pending = v.pending, updated_ms = v.now,
    finished_ms = v.finished, waiting_for = v.waiting,
    status = case when r.status = 'cancelling' and v.finished is null then r.status else v.status end,
    rare_status = case when r.status = 'cancelling' and v.finished is null then r.status else nullif(v.status, 'success') end,
    wake_ms = case when r.status = 'cancelling' and v.finished is null then v.now else v.wake end
from unnest(%s::uuid[], %s::text[], %s::text[], %s::float8[], %s::text[], %s::bigint[], %s::json[], %s::bigint[], %s::bigint[],
    %s::uuid[]) as v(uuid, status, error, credits, position, wake, pending, now, finished, waiting)
where r.uuid = v.uuid and r.uuid between %s and %s
"""
PARKED = "with written as (" + RUNS + " returning r.wake_ms) select min(wake_ms) from written"  # noqa: S608 - constants of this module
METRICS = """
insert into node_metrics as m
    (workflow_uuid, release_uuid, batch_uuid, hour, node_uuid, slot, workspace_uuid, total, success, error, idle, cancelled, credits)
select v.workflow, v.release, v.batch, v.hour, v.node, %s, v.workspace, v.total, v.success, v.error, v.idle, v.cancelled, v.credits
from unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::uuid[],
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::float8[]
) as v(workflow, release, batch, hour, node, workspace, total, success, error, idle, cancelled, credits)
on conflict (workflow_uuid, release_uuid, batch_uuid, hour, node_uuid, slot) do update set total = m.total + excluded.total,
    success = m.success + excluded.success, error = m.error + excluded.error, idle = m.idle + excluded.idle,
    cancelled = m.cancelled + excluded.cancelled, credits = m.credits + excluded.credits
"""
# fmt: off
EXECUTIONS = copy_sql(
    execution_rows, "run_uuid", "seq", "workspace_uuid", "node_uuid", "node_slug", "visit", "status", "child_index", "next_node_uuid",
    "title", "error_message", "reason", "operation", "external_id", "warnings", "attempts", "log", "output", "output_file", "config",
    "credits", "started_ms", "finished_ms",
)
# fmt: on


async def write(
    connection: psycopg.AsyncConnection[Any],
    parts: list[ShardFlush],
    flush: uuid.UUID,
    slot: int,
    now: int,
    fee: Decimal = ZERO,
    known: KnownPaths | None = None,
) -> int | None:
    """Write a flush in one transaction; when the first of its parked runs is due, in milliseconds since 1970. `fee`: what each execution
    costs. `known`: the paths that this process has stored.

    Shards whose epoch has moved on are marked lost and nothing of theirs is written. `flush` makes a repetition after a lost connection
    harmless: see `is_written`.
    """
    known = known or KnownPaths()
    async with _rolled_back_on_error(connection):
        fenced = await _fence(connection, parts, flush, now)
        live: list[ShardFlush] = []
        for part in parts:
            claimed = fenced.get((part.shard.uuid, part.shard.epoch))
            if claimed is None:
                part.shard.lost = True
                continue
            part.shard.signal, part.shard.cancelling = claimed
            live.append(part)
        shards = [(part.shard.workspace, part.executions, part.shard.lane == "batch") for part in live if part.executions]
        packed = packing.pack(shards, known, now)
        await packing.write(connection, packed, now)
        await _write_executions(connection, packed.rows)
        await _count_outputs(connection, live)
        started = [(new, part.shard.uuid) for part in live for new in part.fanouts]
        if started:
            await fanout.insert(connection, [new for new, _ in started], [shard for _, shard in started])
        updates = [update for part in live for update in part.updates]
        failed = [run for part in live if part.has_failed for run in part.failed_runs()]
        # Sent together: one round trip, and another one where credits are paid, instead of one for each statement.
        async with connection.pipeline():
            due = await _write_updates(connection, updates, now)
            if failed:
                await failures.note(connection, failed)
            await _write_metrics(connection, live, slot)
            await _write_charges(connection, live, flush, slot, now, fee)
            await _notify(connection, live)
            await connection.execute("commit")
    known.add(packed.paths, now)
    return due


@asynccontextmanager
async def _rolled_back_on_error(connection: psycopg.AsyncConnection[Any]) -> AsyncGenerator[None]:
    """What is begun and committed by statements of its own, which go with others; psycopg would wait for an answer to each."""
    try:
        yield
    except BaseException:
        if connection.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
            await connection.rollback()
        raise


async def is_written(connection: psycopg.AsyncConnection[Any], parts: list[ShardFlush], flush: uuid.UUID) -> bool:
    """Whether a flush whose commit was never confirmed did reach the database."""
    shards = [part.shard.uuid for part in parts]
    cursor = await connection.execute("select 1 from shards where uuid = any(%s) and last_flush = %s limit 1", (shards, flush))
    return await cursor.fetchone() is not None


async def _fence(
    connection: psycopg.AsyncConnection[Any], parts: list[ShardFlush], flush: uuid.UUID, now: int
) -> dict[tuple[uuid.UUID, int], tuple[int, bool]]:
    """Begin the transaction; the signal and whether the batch is being cancelled, of each claim that still holds: by shard and epoch."""
    async with connection.pipeline():
        await connection.execute("begin")
        cursor = await connection.execute(FENCE, fence_values(parts, flush, now))
    return {(row[0], row[1]): (int(row[2]), bool(row[3])) for row in await cursor.fetchall()}


def fence_values(parts: Sequence[ShardFlush], flush: uuid.UUID, now: int) -> tuple[Any, ...]:
    """The values of FENCE."""
    ordered = sorted(parts, key=lambda part: part.shard.uuid)  # one lock order for all transactions: no deadlocks
    ends = [[update for update in part.updates if update.ended and update.fanout is None] for part in ordered]
    return (
        now,
        flush,
        [part.shard.uuid for part in ordered],
        [part.shard.epoch for part in ordered],
        [sum(update.status in {"success", "error"} for update in end) for end in ends],
        [sum(update.status == "error" for update in end) for end in ends],
        [sum(update.status == "cancelled" for update in end) for end in ends],
        [part.spent / MILLION for part in ordered],
        [part.shard.suspect for part in ordered],
        [None if part.begun is None else to_json(part.begun).decode() for part in ordered],
    )


def _to_array(warnings: tuple[str, ...]) -> str:
    if not warnings:
        return NULL
    quoted = ",".join('"' + warning.replace("\\", "\\\\").replace('"', '\\"') + '"' for warning in warnings[:50])
    return escape("{" + quoted + "}")


def _result(execution: Execution) -> str:
    operation, external_id = execution.result
    if operation is None:
        return f"{NULL}\t{NULL}"
    return f"{escape(operation)}\t{NULL if external_id is None else escape(external_id)}"


def attempts_of(execution: Execution) -> str | None:
    """The column `attempts` of an execution."""
    return to_json({"count": execution.attempts, "failed": execution.earlier}).decode() if execution.attempts > 1 else None


def _attempts(execution: Execution) -> str:
    attempts = attempts_of(execution)
    return NULL if attempts is None else escape(attempts)


def execution_lines(rows: Iterable[tuple[str, Execution, str | None]], workspace: uuid.UUID) -> str:
    """The lines of EXECUTIONS: (run, execution, file of its output)."""
    lines: list[str] = []
    for run, execution, file in rows:
        output = NULL if file else escape(execution.output.decode())
        error = NULL if execution.error is None else escape(execution.error)
        lines.append(
            f"{run}\t{execution.seq}\t{workspace}\t{escape(execution.node)}\t{escape(execution.slug)}\t{execution.visit}\t"
            f"{execution.status}\t{NULL if execution.child is None else execution.child}\t"
            f"{escape(execution.next) if execution.next else NULL}\t{escape(execution.title)}\t{error}\t"
            f"{escape(execution.reason) if execution.reason else NULL}\t{_result(execution)}\t{_to_array(execution.warnings)}\t"
            f"{_attempts(execution)}\t{escape(execution.log) if execution.log else NULL}\t"
            f"{output}\t{file or NULL}\t{escape(execution.config.decode())}\t{execution.credits}\t{execution.started}\t"
            f"{execution.finished}\n"
        )
    return "".join(lines)


async def _write_executions(connection: psycopg.AsyncConnection[Any], rows: list[tuple[uuid.UUID, list[packing.Row]]]) -> None:
    if not any(of_shard for _, of_shard in rows):
        return
    async with connection.cursor() as cursor, cursor.copy(EXECUTIONS) as copy:
        for workspace, of_shard in rows:
            for begin in range(0, len(of_shard), PIECE_ROWS):
                await copy.write(execution_lines(of_shard[begin : begin + PIECE_ROWS], workspace))
                await asyncio.sleep(0)  # the write itself seldom yields to other tasks


async def _count_outputs(connection: psycopg.AsyncConnection[Any], parts: list[ShardFlush]) -> None:
    """Count the outputs that are files against their workspaces' quota."""
    sizes: dict[uuid.UUID, int] = defaultdict(int)
    for part in parts:
        for _, execution, file in part.executions:
            if file:
                sizes[part.shard.workspace] += len(execution.output)
    for workspace, size in sizes.items():
        await quotas.add(connection, workspace, "outputBytes", "outputs", size)


async def _write_updates(connection: psycopg.AsyncConnection[Any], updates: list[RunUpdate], now: int) -> int | None:
    if not updates:
        return None
    updates.sort(key=lambda update: update.run)
    ended = [(update.fanout, update.status != "success") for update in updates if update.ended and update.fanout is not None]
    waiting = [update.waiting for update in updates if update.waiting is not None]
    await fanout.lock(connection, [*waiting, *{belongs_to for belongs_to, _ in ended}])
    is_any_parked = any(not update.ended for update in updates)
    cursor = await connection.execute(
        PARKED if is_any_parked else RUNS,
        (
            [update.run for update in updates],
            [update.status for update in updates],
            [update.error and update.error.replace("\x00", "") for update in updates],
            [update.credits for update in updates],
            [update.position for update in updates],
            [update.wake for update in updates],
            [to_json(update.pending).decode() if update.pending else None for update in updates],
            [update.now for update in updates],
            [update.now if update.ended else None for update in updates],
            [update.waiting for update in updates],
            # Literal bounds let the planner leave out the other months.
            updates[0].run,
            updates[-1].run,
        ),
    )
    row = await cursor.fetchone() if is_any_parked else None
    if await fanout.count_ended(connection, ended, waiting, now):
        return now
    return row[0] if row else None


async def _write_metrics(connection: psycopg.AsyncConnection[Any], parts: list[ShardFlush], slot: int) -> None:
    if any(part.counts for part in parts):
        await connection.execute(METRICS, metric_values(parts, slot))


def metric_values(parts: Sequence[ShardFlush], slot: int) -> tuple[Any, ...]:
    """The values of METRICS, in one order for all transactions."""
    merged: dict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0, 0, 0, 0, 0, 0.0])
    for part in parts:
        for scope, counted in part.counts.items():
            for node, counts in counted.nodes.items():
                row = merged[scope.workflow, scope.release or NIL, scope.batch or NIL, scope.hour, node, part.shard.workspace]
                for index, count in enumerate(counts):
                    row[index] += count
    rows = sorted(merged.items(), key=lambda item: [str(value) for value in item[0]])
    keys = [[key[at] for key, _ in rows] for at in range(6)]
    counts = [[int(row[at]) for _, row in rows] for at in range(5)]
    return slot, *keys, *counts, [float(row[5]) for _, row in rows]


def _executions(workspace: uuid.UUID, scope: MetricScope, key: FeeKey) -> Label:
    status, _, integration, connector, asked = key
    through, agent = (None if uid is None else ids.parse(str(uid)) for uid in (connector, asked))
    return Label(workspace, "orchestration.executions", status, scope.workflow, scope.batch, scope.user, through, integration, agent=agent)


def _credits(workspace: uuid.UUID, scope: MetricScope, key: ChargeKey) -> Label:
    usage, _ = key
    return Label(workspace, "billing.credits", usage.slug, scope.workflow, scope.batch, scope.user, usage.connector, usage.integration)


def counted(parts: Sequence[ShardFlush], fee: Decimal) -> list[Charge]:
    """The executions of a flush as usage; `fee`: what each costs."""
    return [
        Charge(_executions(part.shard.workspace, scope, key), key[1], number, fee * number)
        for part in parts
        for scope, counts in part.counts.items()
        for key, number in counts.fees.items()
    ]


def charged(parts: Sequence[ShardFlush]) -> list[Charge]:
    """What the executions of a flush cost beside a fee."""
    return [
        Charge(_credits(part.shard.workspace, scope, key), key[1], number, Decimal(cost).scaleb(-PLACES), scope.trace)
        for part in parts
        for scope, counts in part.counts.items()
        for key, (cost, number) in counts.charges.items()
    ]


async def _write_charges(
    connection: psycopg.AsyncConnection[Any], parts: list[ShardFlush], flush: uuid.UUID, slot: int, now: int, fee: Decimal
) -> None:
    """Count the executions as usage, charge what they cost, and give back what single runs that have ended reserved."""
    await charges.write(connection, [*charged(parts), *counted(parts, fee)], flush, slot, datetime.fromtimestamp(now / 1000, UTC))
    ended = [
        uuid.UUID(update.run)
        for part in parts
        if part.shard.batch is None
        for update in part.updates
        if update.ended and update.fanout is None
    ]
    if ended:
        await reservations.release(connection, ended)


async def _notify(connection: psycopg.AsyncConnection[Any], parts: list[ShardFlush]) -> None:
    """Notify the clients that wait for single runs. Runs of batches are too many for that: a client that waits for one polls."""
    ended = [
        update.run for part in parts if part.shard.lane == "interactive" for update in part.updates if update.ended and not update.fanout
    ]
    if ended:
        await connection.execute("select pg_notify('cargo_done', run) from unnest(%s::text[]) as run", (ended,))


def new_flush_id() -> uuid.UUID:
    """A new id for a flush."""
    return ids.new()
