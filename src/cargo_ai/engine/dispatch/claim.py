"""Shards: claim one, read its runs, end it, admit the next ones, and close its batch with the last."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch import cancel, concurrency, stages
from cargo_ai.engine.dispatch.queue import QUEUE_BEHIND, Queue, producer
from cargo_ai.engine.journal.rows import ExecutionRow, RunRow, rows_of
from cargo_ai.kernel import clock
from cargo_ai.ledger import reservations
from cargo_ai.store.driver import Connection, Single


@dataclass(frozen=True, slots=True)
class ClaimedShard:
    """A shard as it was when this process took it: `tries` counts claims that no orderly end followed, and of its runs no more than
    `width` may wait for something at once (see concurrency)."""

    uuid: uuid.UUID
    epoch: int
    tries: int
    workspace: uuid.UUID
    batch: uuid.UUID | None
    lane: str
    suspect: str | None
    first: uuid.UUID
    last: uuid.UUID
    signal: int
    cancelling: bool
    width: int | None = None
    begun: frozenset[str] = frozenset()
    """Effects that an earlier owner has begun, whose outcome it did not write, and that must not be repeated."""


CLAIM = """
update shards s set epoch = epoch + 1, tries = tries + 1, state = 'running', owner = %s, touched_ms = %s
where uuid = %s and state in ('queued', 'running')
returning uuid, epoch, tries, workspace_uuid, batch_uuid, lane, suspect, first_run, last_run, signal,
    exists (select 1 from batches b where b.uuid = s.batch_uuid and b.status = 'cancelling'), width, begun
"""
END_SINGLE = "delete from shards where uuid = %s and epoch = %s"
UNFINISHED = """
select uuid, workspace_uuid, workflow_uuid, batch_uuid, graph_uuid, release_uuid, trace_uuid, record, status, position, pending, created_ms,
    user_uuid, record_id, record_title, parent_batch_uuid, fanout_uuid, item, replay_of, replay_root, taken, replay_path
from runs where shard_uuid = %s and uuid between %s and %s and finished_ms is null and status <> 'idle' and not inline
order by uuid limit %s
"""
ENTRIES = """
select run_uuid, seq, node_uuid, node_slug, visit, status, next_node_uuid, error_message, reason, output::text as output, output_file,
    credits
from executions where run_uuid = any(%s) and run_uuid between %s and %s order by run_uuid, seq
"""


async def claim(connection: Connection, shard: uuid.UUID, owner: str, now: int) -> ClaimedShard | None:
    """Claim a shard, also from a worker that has it; None when nothing is left to do in it."""
    cursor = await connection.execute(CLAIM, (owner, now, shard))
    row = await cursor.fetchone()
    return ClaimedShard(*row[:-1], begun=frozenset(row[-1] or ())) if row else None


async def set_tries(connection: Connection, claimed: ClaimedShard, tries: int) -> None:
    """Set how many claims of a shard have had no orderly end."""
    await connection.execute("update shards set tries = %s where uuid = %s and epoch = %s", (tries, claimed.uuid, claimed.epoch))


async def unfinished_runs(connection: Connection, claimed: ClaimedShard, after: uuid.UUID | None, limit: int) -> list[RunRow]:
    """The next runs of a shard that are neither finished nor parked, in order of their ids; not those that their parents drive."""
    low = uuid.UUID(int=after.int + 1) if after else claimed.first
    async with connection.cursor(row_factory=rows_of(RunRow)) as cursor:
        await cursor.execute(UNFINISHED, (claimed.uuid, low, claimed.last, limit))
        return await cursor.fetchall()


async def executions_of(connection: Connection, runs: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[ExecutionRow]]:
    """What the journal has of these runs, in order, by run."""
    by_run: dict[uuid.UUID, list[ExecutionRow]] = {}
    async with connection.cursor(row_factory=rows_of(ExecutionRow)) as cursor:
        await cursor.execute(ENTRIES, (list(runs), min(runs), max(runs)))
        async for row in cursor:
            by_run.setdefault(row["run_uuid"], []).append(row)
    return by_run


async def cancelling_runs(connection: Connection, claimed: ClaimedShard) -> set[str]:
    """The runs of a shard that are to be cancelled."""
    cursor = await connection.execute(
        # No upper bound: runs that others of the shard have started are younger than its last one.
        "select uuid from runs where shard_uuid = %s and uuid >= %s and status = 'cancelling'",
        (claimed.uuid, claimed.first),
    )
    return {str(row[0]) for row in await cursor.fetchall()}


async def finish_shard(pool: AsyncConnectionPool[Any], queue: Queue, claimed: ClaimedShard, *, requeue: bool) -> None:
    """End a shard: give it back to the queue, or close it, let the workspace's next one in and see whether the batch is over."""
    if claimed.batch is None and claimed.lane == "interactive" and not requeue and not queue.most_runs:
        async with Single(pool).connection() as connection:
            await connection.execute(END_SINGLE, (claimed.uuid, claimed.epoch))
        return
    async with pool.connection() as connection:
        if requeue:
            await _give_back(connection, queue, claimed)
            return
        if claimed.batch is None:
            await connection.execute(END_SINGLE, (claimed.uuid, claimed.epoch))
            if claimed.lane == "batch" or queue.most_runs:
                await admit_shards(connection, queue, claimed.workspace)
            return
        # Runs that were parked after the batch was cancelled must not wait until their time comes.
        async with connection.pipeline():
            # What others wait for is not held until the disk has it: if this is lost with the database, so is the end of the shard's job.
            await connection.execute("set local synchronous_commit = off")
            await connection.execute(END, (claimed.uuid, claimed.epoch))
            cancelling = await connection.execute(CANCELLING, (claimed.batch,))
            await admit_shards(connection, queue, claimed.workspace)
        if await cancelling.fetchone() is not None:
            await cancel.end_undriven(connection, claimed.batch)
    # In a second transaction: the shard that ends last then sees that all others have ended.
    async with Single(pool).connection() as connection:
        if await (await connection.execute(GOES_ON, (claimed.batch,))).fetchone() is not None:
            return
    async with pool.connection() as connection:
        if not await close_batch(connection, claimed.batch):
            await _remove_left_over(connection, claimed)


END = "update shards set state = 'done', owner = null where uuid = %s and epoch = %s"
CANCELLING = "select 1 from batches where uuid = %s and status = 'cancelling'"
# Others of its shards are still to end, each of which looks again: so this one need not wait for the batch's row, nor lock it.
GOES_ON = """
select 1 from batches b where b.uuid = %s and b.status = 'running' and b.enumerated and b.pace is null
    and exists (select 1 from shards s where s.batch_uuid = b.uuid and s.state <> 'done' and not s.children)
"""
LEFT_OVER = "select 1 from batches where uuid = %s and finished_ms is not null for update"
REMOVE_LEFT_OVER = """
with gone as (delete from shards where uuid = %s and state = 'done' returning batch_uuid, credits)
update batches b set credits = b.credits + gone.credits from gone where b.uuid = gone.batch_uuid and gone.credits <> 0
"""


async def _remove_left_over(connection: Connection, claimed: ClaimedShard) -> None:
    """Remove a shard of child runs that outlived their batch: of a tool that its node did not wait for, of items given up when one failed.
    What they cost is still the batch's."""
    if await (await connection.execute(LEFT_OVER, (claimed.batch,))).fetchone() is not None:
        await connection.execute(REMOVE_LEFT_OVER, (claimed.uuid,))


async def _give_back(connection: Connection, queue: Queue, claimed: ClaimedShard) -> None:
    cursor = await connection.execute(
        "update shards set state = 'queued', owner = null, tries = 0, touched_ms = %s where uuid = %s and epoch = %s "
        "and state = 'running' returning uuid",
        (clock.now_ms(), claimed.uuid, claimed.epoch),
    )
    if not await cursor.fetchone():
        return
    if claimed.lane == "interactive":
        await queue.defer(connection, "drive", "interactive", shard=str(claimed.uuid))
        return
    others = await _in_line(connection, claimed.workspace) - 1
    await queue.defer_behind(connection, "drive", "batch", others, shard=str(claimed.uuid))


OTHERS_WAIT = "select exists (select 1 from shards where workspace_uuid <> %s and lane = 'batch' and state = 'queued')"


async def other_workspaces_wait(connection: Connection, workspace: uuid.UUID) -> bool:
    """Whether shards of other workspaces are next in the queue of batches."""
    row = await (await connection.execute(OTHERS_WAIT, (workspace,))).fetchone()
    return row is not None and bool(row[0])


IN_LINE = "select count(*) from shards where workspace_uuid = %s and lane = 'batch' and state in ('queued', 'running')"
LOCK = "select pg_advisory_xact_lock(hashtextextended(%s, 7))"
# A statement after LOCK, which sees what those have committed that it waited for. Shards of single runs, which have no batch, come last.
ADMIT = f"""
with line as (
    select count(*) as n from shards where workspace_uuid = %(workspace)s and lane = 'batch' and state in ('queued', 'running')
), room as (
    select greatest(4, 2 * coalesce((select sum(slots) from workers where beat_ms > %(now)s::bigint - 60000), 0)) - n as free from line
), picked as (
    update shards set state = 'queued', touched_ms = %(now)s where uuid in (
        select uuid from shards where workspace_uuid = %(workspace)s and state = 'waiting' order by no, batch_uuid
        limit (select greatest(0, free) from room) for update skip locked
    ) returning uuid, no, batch_uuid
), numbered as (
    select p.uuid, line.n + row_number() over (order by p.no, p.batch_uuid is null, p.batch_uuid::text) - 1 as ahead from picked p, line
)
{QUEUE_BEHIND}
"""  # noqa: S608 - put together from our own texts


async def _in_line(connection: Connection, workspace: uuid.UUID) -> int:
    """How many shards of a workspace are queued or running."""
    row = await (await connection.execute(IN_LINE, (workspace,))).fetchone()
    return int(row[0]) if row else 0


async def admit_shards(connection: Connection, queue: Queue, workspace: uuid.UUID) -> None:
    """Queue the workspace's next shards, at most twice as many as there are slots: a huge batch never fills the queue ahead of others,
    and batches of one workspace take turns.

    Workspaces take turns, too: a shard is fetched behind all that had fewer shards of their own workspace before them, those under way
    included, so that the first one of a workspace that had none is next.
    """
    if queue.most_runs:
        await concurrency.admit_within_limit(connection, queue, workspace)
        return
    # Sent together: what others wait for is held for one round trip and not for four.
    async with connection.pipeline():
        await connection.execute(LOCK, (str(workspace),))
        await connection.execute(ADMIT.encode(), {"now": clock.now_ms(), "workspace": workspace})


CLOSE = """
update batches set status = %s, executed_count = %s, failed_count = %s, cancelled_count = %s, credits = %s, updated_ms = %s,
    finished_ms = %s
where uuid = %s
"""
COUNTS = """
select coalesce(sum(executed), 0), coalesce(sum(failed), 0), coalesce(sum(cancelled), 0),
    coalesce(sum(credits) filter (where state = 'done' or not children), 0)
from shards where batch_uuid = %s
"""
# Shards that outlive the batch count from 0 again: what they cost until now is the batch's.
LATE = """
with late as (
    select uuid, credits from shards where batch_uuid = %s and state <> 'done' and children order by uuid for update
), counted as (update shards s set credits = 0 from late where s.uuid = late.uuid)
select coalesce(sum(credits), 0) from late
"""


async def close_batch(connection: Connection, batch: uuid.UUID) -> bool:
    """End a batch whose runs all ended; True when it was this call that did."""
    cursor = await connection.execute(
        "select status, cursor - skipped_count, enumerated, error_message, at_end, pace is not null from batches "
        "where uuid = %s and finished_ms is null for update",
        (batch,),
    )
    row = await cursor.fetchone()
    if row is not None and row[5] and not row[2] and row[0] == "running":
        await stages.advance_stage(connection, producer(), batch, int(row[1]))
    if row is None or not row[2]:
        return False
    counts = await (await connection.execute(COUNTS, (batch,))).fetchone()
    if counts is None or int(counts[0]) + int(counts[2]) < int(row[1]):
        return False
    status = "cancelled" if row[0] == "cancelling" else "error" if row[3] else "success"
    late = await (await connection.execute(LATE, (batch,))).fetchone()
    now, credits = clock.now_ms(), float(counts[3]) + (float(late[0]) if late else 0.0)
    await connection.execute(CLOSE, (status, int(counts[0]), int(counts[1]), int(counts[2]), credits, now, now, batch))
    await connection.execute("delete from shards where batch_uuid = %s and (state = 'done' or not children)", (batch,))
    await reservations.release(connection, [batch])
    if row[4]:
        await producer().defer(connection, row[4], "interactive", batch=str(batch))
    await connection.execute("select pg_notify('cargo_done', %s)", (str(batch),))
    return True
