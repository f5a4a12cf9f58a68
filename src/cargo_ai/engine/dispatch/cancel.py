"""Cancel batches and runs: what has not begun ends at once; what is being driven ends at its next node boundary."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.journal import fanout
from cargo_ai.engine.journal.shard_flush import HOUR, NIL
from cargo_ai.kernel import clock
from cargo_ai.ledger import reservations
from cargo_ai.store.driver import Connection

TASK = "cancelBatch"
SHARDS_AT_ONCE, PARKED_AT_ONCE = 5, 1_000
SMALL_BATCH = 1_000
"""Of a batch of more runs than this nothing is ended before the caller hears that it is being cancelled."""

ASK = """
update batches set status = 'cancelling', enumerated = true, updated_ms = %s
where uuid = %s and workspace_uuid = %s and finished_ms is null returning cursor
"""
ASKED = "select workspace_uuid from batches where uuid = %s and status = 'cancelling'"
# In the order of their ids, as each flush locks them. What is locked is being claimed, and who claims it ends it.
NOT_BEGUN = """
update shards set state = 'done', touched_ms = %s where uuid in (
    select uuid from shards where batch_uuid = %s and state in ('waiting', 'queued') order by uuid limit %s for update skip locked
) returning uuid
"""
# Ends the runs of `old`, counts them on their shards, and takes the parked ones off the counters of the nodes that they waited at.
GONE = """
gone as (
    update runs r set status = 'cancelled', rare_status = 'cancelled', wake_ms = null, waiting_for = null, finished_ms = %(now)s,
        updated_ms = %(now)s from old
    where r.uuid = old.uuid and r.finished_ms is null
    returning r.uuid, r.shard_uuid, r.batch_uuid, r.workspace_uuid, r.workflow_uuid, r.release_uuid, r.position, r.created_ms, old.was,
        r.parent_batch_uuid, r.fanout_uuid
), counted as (
    update shards s set cancelled = s.cancelled + c.n
    from (select shard_uuid, count(*) as n from gone where fanout_uuid is null group by shard_uuid) c
    where s.uuid = c.shard_uuid returning s.uuid
), counted_off as (
    insert into node_metrics as m (workflow_uuid, release_uuid, batch_uuid, hour, node_uuid, slot, workspace_uuid, total, success, error,
        idle, cancelled, credits)
    select workflow_uuid, coalesce(release_uuid, %(nil)s), coalesce(batch_uuid, parent_batch_uuid, %(nil)s), created_ms / %(hour)s,
        position, -1, workspace_uuid, 0, 0, 0, -count(*), 0, 0
    from gone where was = 'idle' and position is not null group by 1, 2, 3, 4, 5, 7
    on conflict (workflow_uuid, release_uuid, batch_uuid, hour, node_uuid, slot) do update set idle = m.idle + excluded.idle
) select uuid, batch_uuid, fanout_uuid, was from gone
"""
# Parked runs by the index of these: asked for one status, the planner goes by the ids of all runs, those that have ended first, each time.
END = f"""
with chosen as (
    select uuid from runs where shard_uuid = any(%(shards)s) and finished_ms is null
    union
    (select uuid from runs where workspace_uuid = %(workspace)s and (rare_status, uuid) > ('idle', %(after)s) and rare_status <= 'idle'
        and (batch_uuid = %(batch)s or parent_batch_uuid = %(batch)s) order by rare_status, uuid limit %(parked)s)
), old as (
    select uuid, status as was from runs where uuid in (select uuid from chosen) and finished_ms is null order by uuid for update
), {GONE}
"""  # noqa: S608 - put together from our own texts
PARKED_RUNS = f"""
with old as (
    select uuid, status as was from runs
    where uuid = any(%(uuids)s) and workspace_uuid = %(workspace)s and finished_ms is null
        and (status = 'idle' or uuid = any(%(undriven)s)) for update
), {GONE}
"""  # noqa: S608 - put together from our own texts
# Shards before runs, in the order of their ids: as each flush locks them, so that the two never wait for each other.
SIGNAL = """
update shards s set signal = s.signal + 1 from (
    select uuid from shards where uuid in (
        select shard_uuid from runs where uuid = any(%s) and workspace_uuid = %s and finished_ms is null and status <> 'idle'
    ) order by uuid for update
) affected where s.uuid = affected.uuid returning s.uuid, s.state
"""
# Of shards that wait for a worker, which none can claim while they are locked. What a run drives itself ends with that run.
NOT_DRIVEN = """
select r.uuid from runs r where r.uuid = any(%s) and r.workspace_uuid = %s and r.finished_ms is null and not r.inline
    and r.shard_uuid = any(%s) and not exists (select 1 from runs c where c.parent_uuid = r.uuid and c.inline and c.finished_ms is null)
"""
# So that who looks whether their batch is over need not wait until they had their turn. Those of single runs end when they are claimed.
NOTHING_LEFT = """
update shards s set state = 'done' where s.uuid = any(%s) and s.state in ('waiting', 'queued') and s.batch_uuid is not null
    and not exists (select 1 from runs r where r.shard_uuid = s.uuid and r.finished_ms is null)
"""
SIGNAL_BATCH = """
update shards s set signal = s.signal + 1 from (
    select uuid from shards where batch_uuid = %s and state = 'running' order by uuid for update
) affected where s.uuid = affected.uuid
"""
LIVE_RUNS = """
update runs set status = 'cancelling', rare_status = 'cancelling', updated_ms = %s
where uuid = any(%s) and workspace_uuid = %s and finished_ms is null and status <> 'idle' returning uuid
"""
# What these runs have started, and what that has started; `undriven`: its parent alone would drive it, and so on up to these runs.
BELOW = """
with recursive down as (
    select uuid, inline and status <> 'idle' as undriven from runs
    where parent_uuid = any(%s) and fanout_uuid is not null and finished_ms is null
    union all
    select r.uuid, d.undriven and r.inline and r.status <> 'idle' from down d join runs r on r.parent_uuid = d.uuid
    where r.fanout_uuid is not null and r.finished_ms is null
) select uuid, undriven from down
"""
NOTIFY = "select pg_notify('cargo_done', v.uuid::text) from unnest(%s::uuid[]) as v(uuid)"
FANOUTS = """
select distinct fanout_uuid from runs
where uuid = any(%s) and fanout_uuid is not null and finished_ms is null and (status = 'idle' or uuid = any(%s))
"""


async def cancel_batch(connection: Connection, workspace: uuid.UUID, batch: uuid.UUID) -> bool:
    """Ask a batch to stop; False when it is over (or not of this workspace). Its enumeration ends with the present chunk. What has not
    begun of a small one ends here; of a large one a job ends it, which also tells the workers: they lock their shards as they write."""
    row = await (await connection.execute(ASK, (_now(), batch, workspace))).fetchone()
    if row is None:
        return False
    if int(row[0]) > SMALL_BATCH:
        await producer().defer(connection, TASK, "interactive", batch=str(batch))
        return True
    await end_undriven(connection, batch)
    await signal_workers(connection, batch)
    return True


async def signal_workers(connection: Connection, batch: uuid.UUID) -> None:
    """Have the workers that drive shards of the batch look whether it is being cancelled."""
    await connection.execute(SIGNAL_BATCH, (batch,))


async def end_undriven(connection: Connection, batch: uuid.UUID) -> None:
    """The same as `cancel_undriven`; a job goes on where that leaves something."""
    if (await cancel_undriven(connection, batch))[0]:
        await producer().defer(connection, TASK, "interactive", batch=str(batch))


async def cancel_undriven(connection: Connection, batch: uuid.UUID, after: uuid.UUID | None = None) -> tuple[bool, uuid.UUID | None]:
    """In a batch that was asked to stop, end what no worker drives, waiting and queued shards and parked runs: as much as one transaction
    should. `after`: of parked runs, look at those after this one only. Whether there may be more, and the last of the parked runs."""
    asked = await (await connection.execute(ASKED, (batch,))).fetchone()
    if asked is None:
        return False, None
    now = _now()
    ended = [row[0] for row in await (await connection.execute(NOT_BEGUN, (now, batch, SHARDS_AT_ONCE))).fetchall()]
    named = {"now": now, "batch": batch, "workspace": asked[0], "shards": ended, "parked": PARKED_AT_ONCE, "nil": NIL, "hour": HOUR}
    gone = await (await connection.execute(END, named | {"after": after or batch})).fetchall()
    last = max((row[0] for row in gone if row[3] == "idle"), default=None)
    return len(ended) == SHARDS_AT_ONCE or len(gone) >= PARKED_AT_ONCE, last


async def cancel_runs(connection: Connection, workspace: uuid.UUID, uuids: Sequence[uuid.UUID]) -> tuple[list[uuid.UUID], set[uuid.UUID]]:
    """Cancel runs and everything below them: parked ones and those that no worker drives at once, others at their next node boundary.

    Returns the runs of `uuids` that were touched, and batches that may be over now. What a run starts at the same time is cancelled by the
    worker that drives it.
    """
    roots = list(uuids)
    descendants = await _descendants(connection, roots)
    touched, over = await _cancel(connection, workspace, list({*roots, *descendants}), [])
    return [uid for uid in roots if uid in touched], over


async def cancel_descendants(connection: Connection, workspace: uuid.UUID, run: uuid.UUID) -> None:
    """Cancel everything below a run, for the driver that is about to end it: what only the run itself would have driven ends at once."""
    descendants = await _descendants(connection, [run])
    if descendants:
        await _cancel(connection, workspace, list(descendants), [uid for uid, undriven in descendants.items() if undriven])


async def _descendants(connection: Connection, uuids: list[uuid.UUID]) -> dict[uuid.UUID, bool]:
    return dict(await (await connection.execute(BELOW, (uuids,))).fetchall())


async def _cancel(
    connection: Connection, workspace: uuid.UUID, uuids: list[uuid.UUID], undriven: list[uuid.UUID]
) -> tuple[set[uuid.UUID], set[uuid.UUID]]:
    now = _now()
    shards = await (await connection.execute(SIGNAL, (uuids, workspace))).fetchall()
    if waiting := [row[0] for row in shards if row[1] in ("waiting", "queued")]:
        undriven = [*undriven, *(row[0] for row in await (await connection.execute(NOT_DRIVEN, (uuids, workspace, waiting))).fetchall())]
    fanouts = [row[0] for row in await (await connection.execute(FANOUTS, (uuids, undriven))).fetchall()]
    await fanout.lock(connection, fanouts)
    named = {"now": now, "uuids": uuids, "undriven": undriven, "workspace": workspace, "nil": NIL, "hour": HOUR}
    parked = await (await connection.execute(PARKED_RUNS, named)).fetchall()
    live = await (await connection.execute(LIVE_RUNS, (now, uuids, workspace))).fetchall()
    if waiting:
        await connection.execute(NOTHING_LEFT, (waiting,))
    # A parent that is not cancelled itself learns that one of its items is.
    await fanout.count_ended(connection, [(row[2], True) for row in parked if row[2] is not None], [], now)
    await reservations.release(connection, [row[0] for row in parked if row[1] is None and row[2] is None])
    await connection.execute(NOTIFY, ([row[0] for row in parked],))
    return {row[0] for row in (*parked, *live)}, {row[1] for row in parked if row[1] is not None}


def _now() -> int:
    return clock.now_ms()
