"""Wake parked runs whose time has come: group them into new shards. A million waiting runs are rows, not tasks."""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import Any, NamedTuple

import psycopg
from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch.claim import admit_shards
from cargo_ai.engine.dispatch.queue import Lane, Queue
from cargo_ai.engine.journal.rows import DueRun, ShardRow, rows_of
from cargo_ai.engine.journal.shard_flush import HOUR, NIL
from cargo_ai.engine.journal.tables import shards
from cargo_ai.kernel import clock, ids
from cargo_ai.store.table_sql import insert_sql

MAXIMUM_AT_ONCE = 2_000
SHARD_RUNS = 200

DUE = """
select uuid, workspace_uuid, workflow_uuid, release_uuid, coalesce(batch_uuid, parent_batch_uuid) as batch_uuid, position, created_ms,
    fanout_uuid is not null as is_child, (select f.lane from fanouts f where f.uuid = fanout_uuid) as lane
from runs where wake_ms <= %s order by wake_ms limit %s for update skip locked
"""
SHARD = insert_sql(shards, "uuid", "workspace_uuid", "batch_uuid", "no", "lane", "state", "children", "first_run", "last_run", "touched_ms")
# A run that was cancelled while it was being parked stays so: the worker that drives the new shard ends it.
MOVE = """
update runs set status = case when status = 'cancelling' then status else 'pending' end,
    rare_status = case when status = 'cancelling' then status end, shard_uuid = %s, wake_ms = null, updated_ms = %s,
    waiting_for = null, inline = false
where uuid = any(%s) and uuid between %s and %s
"""
SUBTRACT_IDLE = """
insert into node_metrics as m
    (workflow_uuid, release_uuid, batch_uuid, hour, node_uuid, slot, workspace_uuid, total, success, error, idle, cancelled, credits)
values (%s, %s, %s, %s, %s, -1, %s, 0, 0, 0, %s, 0, 0)
on conflict (workflow_uuid, release_uuid, batch_uuid, hour, node_uuid, slot) do update set idle = m.idle + excluded.idle
"""


class _Group(NamedTuple):
    """Runs that may share a shard. `batch` is that of the root run for child runs (`children`)."""

    workspace: uuid.UUID
    batch: uuid.UUID | None
    lane: Lane
    children: bool


async def wake_due_runs(pool: AsyncConnectionPool[Any], queue: Queue) -> int:
    """Put due runs into shards and queue those, in one transaction; returns how many. Several workers may call it at once."""
    now = clock.now_ms()
    async with pool.connection() as connection:
        async with connection.cursor(row_factory=rows_of(DueRun)) as cursor:
            await cursor.execute(DUE, (now, MAXIMUM_AT_ONCE))
            due = await cursor.fetchall()
        groups: dict[_Group, list[DueRun]] = defaultdict(list)
        for row in due:
            lane: Lane = "batch" if row["batch_uuid"] or row["lane"] == "batch" else "interactive"
            groups[_Group(row["workspace_uuid"], row["batch_uuid"], lane, row["is_child"])].append(row)
        for group, rows in groups.items():
            rows.sort(key=lambda row: row["uuid"])
            size = SHARD_RUNS if group.lane == "batch" else 1
            for begin in range(0, len(rows), size):
                await _shard(connection, queue, group, [row["uuid"] for row in rows[begin : begin + size]], now)
            await _subtract_idle(connection, group.workspace, rows)
        # Where the server limits concurrent runs, single ones wait for their turn, too.
        for workspace in sorted({group.workspace for group in groups if group.lane == "batch" or queue.most_runs}):
            await admit_shards(connection, queue, workspace)
    return len(due)


async def next_due(connection: psycopg.AsyncConnection[Any]) -> int | None:
    """When the next parked run is due, in milliseconds since 1970."""
    row = await (await connection.execute("select min(wake_ms) from runs where wake_ms is not null")).fetchone()
    return row[0] if row else None


async def _shard(connection: psycopg.AsyncConnection[Any], queue: Queue, group: _Group, runs: list[uuid.UUID], now: int) -> None:
    shard = ids.new()
    waits = group.lane == "batch" or queue.most_runs > 0
    state = "waiting" if waits else "queued"
    # Number 0: what was parked goes before what has not begun.
    row: ShardRow = {
        "uuid": shard,
        "workspace_uuid": group.workspace,
        "batch_uuid": group.batch,
        "no": 0,
        "lane": group.lane,
        "state": state,
        "children": group.children,
        "first_run": runs[0],
        "last_run": runs[-1],
        "touched_ms": now,
    }
    await connection.execute(SHARD, row)
    await connection.execute(MOVE, (shard, now, runs, runs[0], runs[-1]))
    if not waits:
        await queue.defer(connection, "drive", "interactive", shard=str(shard))


async def _subtract_idle(connection: psycopg.AsyncConnection[Any], workspace: uuid.UUID, rows: list[DueRun]) -> None:
    counts: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in rows:
        if row["position"] is not None:
            names = (row["workflow_uuid"], row["release_uuid"] or NIL, row["batch_uuid"] or NIL)
            counts[*names, row["created_ms"] // HOUR, row["position"]] += 1
    for key in sorted(counts, key=str):
        await connection.execute(SUBTRACT_IDLE, (*key, workspace, -counts[key]))
