"""Cancel: what has not begun ends at once; what is being driven ends at its next node boundary."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import psycopg

from cargo_ai.kernel import clock

Connection = psycopg.AsyncConnection[Any]

ASK = """
update batches set status = 'cancelling', enumerated = true, updated_ms = %s
where uuid = %s and workspace_uuid = %s and finished_ms is null returning uuid
"""
NOT_BEGUN = """
update shards set state = 'done', touched_ms = %s where batch_uuid = %s and state in ('waiting', 'queued') returning uuid
"""
END = """
with gone as (
    update runs set status = 'cancelled', wake_ms = null, finished_ms = %s, updated_ms = %s
    where batch_uuid = %s and finished_ms is null and (shard_uuid = any(%s) or status = 'idle') returning shard_uuid
), counted as (select shard_uuid, count(*) as n from gone group by shard_uuid)
update shards s set cancelled = s.cancelled + c.n from counted c where s.uuid = c.shard_uuid
"""
PARKED_RUNS = """
with gone as (
    update runs set status = 'cancelled', wake_ms = null, finished_ms = %s, updated_ms = %s
    where uuid = any(%s) and workspace_uuid = %s and finished_ms is null and status = 'idle' returning uuid, shard_uuid, batch_uuid
), counted as (
    update shards s set cancelled = s.cancelled + c.n from (select shard_uuid, count(*) as n from gone group by shard_uuid) c
    where s.uuid = c.shard_uuid returning s.uuid
) select uuid, batch_uuid from gone
"""
LIVE_RUNS = """
with asked as (
    update runs set status = 'cancelling', updated_ms = %s
    where uuid = any(%s) and workspace_uuid = %s and finished_ms is null and status <> 'idle' returning uuid, shard_uuid
), told as (update shards s set signal = s.signal + 1 where s.uuid in (select shard_uuid from asked) returning s.uuid)
select uuid from asked
"""


async def ask_batch(connection: Connection, workspace: uuid.UUID, batch: uuid.UUID) -> bool:
    """Ask a batch to stop; False when it is over (or not of this workspace). Its enumeration ends with the present chunk."""
    cursor = await connection.execute(ASK, (_now(), batch, workspace))
    if await cursor.fetchone() is None:
        return False
    await rest_of_batch(connection, batch)
    await connection.execute("update shards set signal = signal + 1 where batch_uuid = %s and state = 'running'", (batch,))
    return True


async def rest_of_batch(connection: Connection, batch: uuid.UUID) -> None:
    """In a batch that was asked to stop, end everything that nobody drives: waiting and queued shards, parked runs."""
    asked = await connection.execute("select 1 from batches where uuid = %s and status = 'cancelling'", (batch,))
    if await asked.fetchone() is None:
        return
    now = _now()
    cursor = await connection.execute(NOT_BEGUN, (now, batch))
    await connection.execute(END, (now, now, batch, [row[0] for row in await cursor.fetchall()]))


async def runs(connection: Connection, workspace: uuid.UUID, uuids: Sequence[uuid.UUID]) -> tuple[list[uuid.UUID], set[uuid.UUID]]:
    """Cancel runs: parked ones at once, others at their next node boundary. Returns the runs touched and batches that may be over now."""
    now = _now()
    parked = await (await connection.execute(PARKED_RUNS, (now, now, list(uuids), workspace))).fetchall()
    live = await (await connection.execute(LIVE_RUNS, (now, list(uuids), workspace))).fetchall()
    for row in parked:
        await connection.execute("select pg_notify('cargo_done', %s)", (str(row[0]),))
    return [row[0] for row in (*parked, *live)], {row[1] for row in parked if row[1] is not None}


def _now() -> int:
    return int(clock.unix() * 1000)
