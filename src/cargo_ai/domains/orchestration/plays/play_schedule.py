"""Play schedules: validate and store them, and apply them while the play is enabled."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.workflows import play as contract
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.engine.dispatch.timers import cron, schedule
from cargo_ai.engine.dispatch.timers.schedule import ScheduleSpec, ScheduleState
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection

KIND = "play"
"""The kind of the schedules of plays."""

# Rows that triggers of the database have written, each a change of the play's segment (see the migration of schedules).
FORGET = "delete from schedules where workspace_uuid = %s and owner_uuid = %s and kind = 'playChange'"
RELEASE = "update schedules set next_fire_at = now() where workspace_uuid = %s and owner_uuid = %s and kind = 'playChange'"
HOLD = "update schedules set next_fire_at = null where workspace_uuid = %s and owner_uuid = %s and kind = 'playChange'"

AT_ONCE = {"realtime", "watch"}
"""The types that enrol what a write has changed. A record that lands is a change of the segment, so that to watch means the same."""
COMPARED = AT_ONCE | {"cron", "dependency"}
"""The types that enrol what has changed since the last time: all."""


async def validate(
    ctx: Context, operation: Operation[Any, Any, Any], requested: contract.PlaySchedule | None, row: Play | None
) -> JsonObject | None:
    """A schedule as it is kept; refuses one that cannot be. `row`: the play that it is for, once it is there."""
    match requested:
        case contract.CronSchedule():
            try:
                cron.parse(requested.cron, requested.time_zone)
            except cron.InvalidCron as error:
                operation.refuse("failedToSchedule", cause=str(error))
        case contract.DbtSchedule():
            operation.refuse("integrationNotFound", slug="dbt")
        case contract.DependencySchedule():
            await _validate_dependency(ctx, operation, requested.play_uuid, row)
        case _:
            pass
    return requested.to_wire() if requested is not None else None


async def _validate_dependency(ctx: Context, operation: Operation[Any, Any, Any], text: str, row: Play | None) -> None:
    """Refuse to wait for a play that is not there, or that waits for this one, directly or through others."""
    # Two who close a circle from both ends take turns here.
    await ctx.db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(ctx.workspace), 13))))
    seen: list[Play] = []
    upstream: str | None = text
    while upstream is not None:
        play = await ctx.db.scalar(select(Play).where(Play.uuid == ids.parse(upstream), Play.deleted_at.is_(None)))
        play = found_or_refuse(
            operation, play, "failedToSchedule", cause=f"there is no play {upstream}.", fix="cargo-ai orchestration play list"
        )
        seen.append(play)
        if row is not None and play.uuid == row.uuid:
            chain = " → ".join(play.name for play in [row, *seen])
            operation.refuse("failedToSchedule", cause=f"it would wait for itself ({chain}).")
        upstream = next((str(uid) for uid in upstream_plays(play)), None)


def upstream_plays(row: Play) -> list[uuid.UUID]:
    """The play whose batches this one waits for, as a list of one; [] for any other schedule."""
    stored = row.schedule or {}
    play = ids.parse(str(stored.get("playUuid"))) if stored.get("type") == "dependency" else None
    return [play] if play is not None else []


def to_response(row: Play) -> JsonObject | None:
    """The schedule on the wire. The id of the clock's is the play's: it has no other."""
    if row.schedule is None or row.schedule.get("type") not in {"cron", "watch"}:
        return row.schedule
    return row.schedule | {"temporalScheduleWorkflowId": str(row.uuid)}


async def states(db: AsyncSession, workspace: uuid.UUID, rows: Sequence[Play]) -> dict[uuid.UUID, ScheduleState]:
    """How the cron schedules of these plays stand, by play."""
    owners = {row.uuid for row in rows if row.schedule and row.schedule.get("type") == "cron"}
    if not owners:
        return {}
    return await schedule.by_owner(await driver_connection(db), workspace, KIND, sorted(owners))


def active_type(row: Play) -> str | None:
    """The type of the schedule that starts the play by itself; None while nothing does."""
    return str(row.schedule["type"]) if row.is_enabled and row.schedule is not None else None


async def apply(ctx: Context, row: Play, former_type: str | None) -> None:
    """Apply the play's schedule, or stop it. `former_type`: what `active_type` was before the change. Raises InvalidFilter.

    Changes count from the time when a schedule that compares becomes active; from one such schedule to the next no change is lost.
    """
    kind, connection = active_type(row), await driver_connection(ctx.db)
    if row.is_enabled and kind is None:
        ctx.warn("The play has no schedule: it runs only when you start a batch. Give it one with --schedule.")
    specs: list[ScheduleSpec] = []
    if kind == "cron" and row.schedule is not None:
        specs = [ScheduleSpec("cron", str(row.schedule["cron"]), row.schedule.get("timeZone"))]
    await schedule.replace_schedules(connection, row.workspace_uuid, KIND, row.uuid, specs)
    if kind == former_type:
        return
    goes_on, is_left = former_type in COMPARED and kind in COMPARED, False
    if goes_on:
        await segmentation.compute_small_change(ctx.db, row.segment_uuid)
        await ctx.db.flush()
        await connection.execute(RELEASE if kind in AT_ONCE else HOLD, (row.workspace_uuid, row.uuid))
    else:
        await connection.execute(FORGET, (row.workspace_uuid, row.uuid))
    if kind in AT_ONCE:
        is_left = await segmentation.watch(ctx.db, row.segment_uuid, afresh=not goes_on)
    elif former_type in AT_ONCE or kind is None:
        await segmentation.unwatch(ctx.db, row.segment_uuid, forget=not goes_on)
    if kind in COMPARED - AT_ONCE and not goes_on:
        is_left = await segmentation.count_from_now(ctx.db, row.segment_uuid)
    if is_left:
        ctx.warn("The segment is large: a worker looks at its records first, and changes from now on start runs after that.")
    if kind in COMPARED and not goes_on:
        data = f'\'{{"kind":"segment","segmentUuid":"{row.segment_uuid}"}}\''
        command = f"cargo-ai orchestration batch create --workflow-uuid {row.workflow_uuid} --data {data}"
        ctx.warn(f"Changes count from now on. To run the play on the records that are in its segment already: {command}")
