"""Small flushes: write what runs of batches did to their ends in one statement, for less than half of what the common way takes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import psycopg

from cargo_ai.engine.journal import packing
from cargo_ai.engine.journal.flush import charged, fence_values
from cargo_ai.engine.journal.packing import KnownPaths, Packed
from cargo_ai.engine.journal.shard_flush import ShardFlush
from cargo_ai.engine.journal.single_flush import JOURNAL, journal_values
from cargo_ai.ledger import charges
from cargo_ai.store.driver import LongStatement

MAX_EXECUTIONS = 500
"""Of one statement; where there are more, copying them costs less."""
MAX_WITH_EFFECTS = 2_000
"""Of one statement where calls were answered: to copy takes many waits of a crowded event loop, and what is answered meanwhile is repeated
if this process dies."""

# All or nothing: where another worker has taken one of the shards, nothing is written, and the common way sorts it out.
WRITE = LongStatement(f"""
with locked as (
    select s.uuid, v.* from shards s join unnest(%(shards)s::uuid[], %(epochs)s::int[], %(executed)s::int[], %(failures)s::int[],
        %(cancelled)s::int[], %(spent)s::float8[], %(suspects)s::text[], %(begun)s::jsonb[])
        as v(shard, epoch, executed, failed, cancelled, credits, suspect, begun) on v.shard = s.uuid
    where s.epoch = v.epoch and s.state = 'running' order by s.uuid for update of s
), held as (
    select count(*) from locked having count(*) = %(count)s
), fenced as (
    update shards s set executed = s.executed + v.executed, failed = s.failed + v.failed, cancelled = s.cancelled + v.cancelled,
        credits = s.credits + v.credits, touched_ms = %(now)s, last_flush = %(flush)s, suspect = v.suspect,
        begun = coalesce(v.begun, s.begun)
    from locked v where s.uuid = v.uuid and exists (select from held)
    returning s.uuid, s.epoch, s.signal, s.batch_uuid
), bodies as (
    insert into packed_bodies (uuid, workspace_uuid, titles, outputs, configs)
    select v.uuid, v.workspace, (%(titles)s::text[])[v.low:v.high], (%(outputs)s::text[])[v.low:v.high],
        (%(configs)s::text[])[v.low:v.high]
    from unnest(%(bodies)s::uuid[], %(body_workspaces)s::uuid[], %(lows)s::int[], %(highs)s::int[]) as v(uuid, workspace, low, high)
    where exists (select from held)
), packed as (
    insert into packed_executions (run_uuid, seq, item, workspace_uuid, path_uuid, body_uuid, started_ms, times)
    select v.run, v.seq, v.item, v.workspace, v.path, v.body, v.began, v.times::smallint[]
    from unnest(%(packed)s::uuid[], %(seqs)s::int[], %(items)s::smallint[], %(workspaces)s::uuid[], %(paths)s::uuid[],
        %(run_bodies)s::uuid[], %(begins)s::bigint[], %(times)s::text[]) as v(run, seq, item, workspace, path, body, began, times)
    where exists (select from held)
), {JOURNAL}
)
select f.uuid, f.epoch, f.signal, exists (select from batches b where b.uuid = f.batch_uuid and b.status = 'cancelling') from fenced f
""")  # noqa: S608 - put together from our own texts


def is_small(parts: Sequence[ShardFlush]) -> bool:
    """Whether there is nothing in it but runs of batches that have ended, and few enough of them for one statement."""
    count = sum(len(part.executions) for part in parts)
    if count > MAX_WITH_EFFECTS or not all(_is_plain(part) for part in parts):
        return False
    return count <= MAX_EXECUTIONS or any(execution.effect for part in parts for _, execution, _ in part.executions)


def _is_plain(part: ShardFlush) -> bool:
    shard = part.shard
    if shard.lane != "batch" or shard.batch is None or part.fanouts:
        return False
    if any(not update.ended or update.fanout is not None for update in part.updates):
        return False
    return all(file is None for _, _, file in part.executions)


async def write(
    connection: psycopg.AsyncConnection[Any], parts: Sequence[ShardFlush], flush: uuid.UUID, slot: int, now: int, known: KnownPaths
) -> bool:
    """Write a small flush in one transaction; False where that does not do, as a shard is no longer held or a path not stored, and nothing
    was written."""
    packed = packing.pack([(part.shard.workspace, part.executions, True) for part in parts if part.executions], known, now)
    if packed.paths:
        return False
    due = charged(parts)
    async with connection.transaction() if due else nullcontext():
        rows = await WRITE.run(connection, _values(parts, packed, flush, slot, now))
        if rows and due:
            # Last, for accounts stay locked until the end.
            async with connection.pipeline():
                await charges.settle(connection, due, flush, datetime.fromtimestamp(now / 1000, UTC))
    fenced = {(row[0], row[1]): row for row in rows}
    for part in parts if fenced else ():
        _, _, part.shard.signal, part.shard.cancelling = fenced[part.shard.uuid, part.shard.epoch]
    return bool(fenced)


def _values(parts: Sequence[ShardFlush], packed: Packed, flush: uuid.UUID, slot: int, now: int) -> dict[str, Any]:
    updates = sorted((update for part in parts for update in part.updates), key=lambda update: update.run)
    rows = [(workspace, run, execution) for workspace, plain in packed.rows for run, execution, _ in plain]
    fence = ("now", "flush", "shards", "epochs", "executed", "failures", "cancelled", "spent", "suspects", "begun")
    runs = ("packed", "seqs", "items", "workspaces", "paths", "run_bodies", "begins", "times")
    columns = list(zip(*packed.runs, strict=True)) or [()] * len(runs)
    return {
        **dict(zip(fence, fence_values(parts, flush, now), strict=True)),
        "count": len(parts),
        **{name: list(column) for name, column in zip(runs, columns, strict=True)},
        **_bodies(packed),
        **journal_values(parts, updates, rows, slot),
    }


def _bodies(packed: Packed) -> dict[str, Any]:
    """Bodies as slices of arrays of all of them."""
    entries = [entry for body in packed.bodies for entry in body.executions]
    highs, count = list[int](), 0
    for body in packed.bodies:
        count += len(body.executions)
        highs.append(count)
    return {
        "bodies": [body.uuid for body in packed.bodies],
        "body_workspaces": [body.workspace for body in packed.bodies],
        "lows": [1, *(high + 1 for high in highs[:-1])][: len(highs)],
        "highs": highs,
        "titles": [title for body in packed.bodies for title in body.titles],
        "outputs": [entry.output.decode() for entry in entries],
        "configs": [entry.config.decode() for entry in entries],
    }
