"""Stages: enrol a batch with a pace stage by stage; the end of a stage's last run begins the next one, without polling."""

from __future__ import annotations

import uuid
from dataclasses import replace

from pydantic_core import to_json

from cargo_ai.engine.dispatch.credits import FREE, RunCosts, open_purse
from cargo_ai.engine.dispatch.pace import UNLIMITED, NextStage, Pace, Progress, Stop, decide, look, parse_pace, window
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.kernel import clock, ids
from cargo_ai.store.driver import Connection

LOCKED = """
select pace, stage, stage_end, stage_executed, stage_failed, cursor, skipped_count from batches
where uuid = %s and epoch = %s and status = 'querying' for update
"""
COUNTS = """
select coalesce(sum(executed), 0)::bigint, coalesce(sum(failed), 0)::bigint, coalesce(sum(cancelled), 0)::bigint, coalesce(sum(credits), 0)
from shards where batch_uuid = %s
"""
STAGE = "select pace, stage, stage_executed, stage_failed from batches where uuid = %s and cursor < stage_end"
PARKED = """
select count(*) from runs r join batches b on b.workflow_uuid = r.workflow_uuid and b.uuid = r.batch_uuid
where b.uuid = %s and r.rare_status = 'idle' and r.uuid >= b.uuid
"""
DEAREST = "select coalesce(max(credits), 0) from runs where batch_uuid = %s"
BEGIN = """
update batches set stage = stage + 1, stage_end = %s, stage_executed = %s, stage_failed = %s, updated_ms = %s where uuid = %s
"""
STAGED = """
update batches set pace = coalesce(pace, %s), stage = greatest(stage, 1), stage_end = cursor where uuid = %s and epoch = %s
"""
WAIT = "update batches set status = 'running', updated_ms = %s where uuid = %s and epoch = %s and status = 'querying'"
STOP = """
update batches set status = 'running', enumerated = true, stopped = %s, error_message = %s, updated_ms = %s where uuid = %s
"""
GO_ON = "update batches set status = 'pending', updated_ms = %s where uuid = %s and status = 'running' and not enumerated"
# The counts of what has ended go back to where those of a batch under way are: into a shard, which has no runs.
REOPEN = """
with opened as (
    update batches set status = 'pending', enumerated = false, stopped = null, error_message = null, finished_ms = null,
        stage_end = cursor, stage_executed = executed_count, stage_failed = failed_count, pace = %(pace)s,
        at_end = coalesce(%(at_end)s, at_end), updated_ms = %(now)s
    where uuid = %(batch)s and workspace_uuid = %(workspace)s and finished_ms is not null and stopped is not null
    returning uuid, workspace_uuid, executed_count, failed_count, cancelled_count, credits
)
insert into shards (uuid, workspace_uuid, batch_uuid, no, lane, state, first_run, last_run, executed, failed, cancelled, credits,
    touched_ms)
select %(shard)s, workspace_uuid, uuid, 0, 'batch', 'done', %(nil)s, %(nil)s, executed_count, failed_count, cancelled_count, credits,
    %(now)s
from opened
"""


async def begin_stages(connection: Connection, batch: uuid.UUID, epoch: int) -> None:
    """From here on the batch is enrolled in stages, as its workspace can pay for them; a stage that it was in ends at its cursor."""
    await connection.execute(STAGED, (to_json(Pace().to_stored()).decode(), batch, epoch))


async def enter_stage(connection: Connection, workspace: uuid.UUID, batch: uuid.UUID, epoch: int, costs: RunCosts = FREE) -> int | None:
    """How many records may be enrolled now, of the present stage or of the next one, which begins here. `costs`: what a run may cost.

    None when none may: because runs of the stage have not ended (the last one continues the batch), because it stops for good, or
    because another worker has the batch.
    """
    row = await (await connection.execute(LOCKED, (batch, epoch))).fetchone()
    if row is None:
        return None
    stored_pace, stage, end, executed_before, failed_before, cursor, skipped = row
    pace, now = parse_pace(stored_pace), clock.now_ms()
    executed, failed, cancelled, credits = await _counts(connection, batch)
    progress = Progress(stage, 0, executed - executed_before, failed - failed_before, credits)
    if end is not None and cursor < end:
        flying = await _in_flight(connection, batch, cursor - skipped - executed - cancelled)
        return await _within_stage(connection, (batch, epoch), look(pace, progress, flying), int(end - cursor), cursor)
    if executed + cancelled < cursor - skipped:
        await connection.execute(WAIT, (now, batch, epoch))
        return None
    dearest = await (await connection.execute(DEAREST, (batch,))).fetchone()
    progress = replace(progress, size=progress.executed, dearest=float(dearest[0]) if dearest else 0.0)
    purse = None if costs.is_free else await open_purse(connection, workspace, batch)
    step = decide(pace, progress, purse, costs)
    if isinstance(step, NextStage):
        await connection.execute(BEGIN, (min(cursor + step.size, UNLIMITED), executed, failed, now, batch))
        return min(step.size, window(pace, Progress()))
    await _stop(connection, batch, step, cursor)
    return None


async def _within_stage(
    connection: Connection, claimed: tuple[uuid.UUID, int], step: NextStage | Stop, left: int, cursor: int
) -> int | None:
    """How many of the records that are left of the stage may be enrolled now; None when it waits, or stops."""
    if isinstance(step, Stop):
        await _stop(connection, claimed[0], step, cursor)
        return None
    if step.size < 1:
        await connection.execute(WAIT, (clock.now_ms(), *claimed))
        return None
    return min(left, step.size)


async def _stop(connection: Connection, batch: uuid.UUID, step: Stop, cursor: int) -> None:
    sentence = f"{step.sentence} {cursor:,} records are enrolled. Go on with: cargo-ai orchestration batch resume {batch}"
    await connection.execute(STOP, (step.why, sentence, clock.now_ms(), batch))


async def _in_flight(connection: Connection, batch: uuid.UUID, unfinished: int) -> int:
    """How many of these runs are not parked: what waits for its time, or for people, keeps no other record from being enrolled."""
    row = await (await connection.execute(PARKED, (batch,))).fetchone()
    return unfinished - int(row[0] if row else 0)


async def _counts(connection: Connection, batch: uuid.UUID) -> tuple[int, int, int, float]:
    row = await (await connection.execute(COUNTS, (batch,))).fetchone()
    return (int(row[0]), int(row[1]), int(row[2]), float(row[3])) if row else (0, 0, 0, 0.0)


async def wait_for_stage(connection: Connection, batch: uuid.UUID, epoch: int) -> None:
    """All records of the stage are enrolled, and there are more: wait for its runs."""
    await connection.execute(WAIT, (clock.now_ms(), batch, epoch))


async def advance_stage(connection: Connection, queue: Queue, batch: uuid.UUID, enrolled: int) -> None:
    """Some run of a batch that waits in its enrolment has ended: with the last one the next stage begins, and a stage whose errors are
    looked at goes on when half of those that may be in flight have ended. The batch's row is locked."""
    executed, failed, cancelled, _ = await _counts(connection, batch)
    if executed + cancelled < enrolled and not await _goes_on(connection, batch, executed, failed, enrolled - executed - cancelled):
        return
    if (await connection.execute(GO_ON, (clock.now_ms(), batch))).rowcount:
        await queue.defer(connection, "enumerate", "batch", batch=str(batch))


async def _goes_on(connection: Connection, batch: uuid.UUID, executed: int, failed: int, unfinished: int) -> bool:
    row = await (await connection.execute(STAGE, (batch,))).fetchone()
    if row is None:
        return False
    pace, progress = parse_pace(row[0]), Progress(row[1], 0, executed - row[2], failed - row[3])
    step = look(pace, progress, await _in_flight(connection, batch, unfinished))
    return isinstance(step, Stop) or 2 * step.size >= window(pace, progress)


async def resume_batch(
    connection: Connection, queue: Queue, workspace: uuid.UUID, batch: uuid.UUID, pace: Pace, at_end: str | None
) -> bool:
    """Continue a batch that stopped, from its cursor; False when it is not stopped (any more)."""
    values = {"pace": to_json(pace.to_stored()).decode(), "at_end": at_end, "now": clock.now_ms(), "batch": batch}
    keys = {"workspace": workspace, "shard": ids.new(), "nil": uuid.UUID(int=0)}
    if not (await connection.execute(REOPEN, values | keys)).rowcount:
        return False
    await queue.defer(connection, "enumerate", "batch", batch=str(batch))
    return True
