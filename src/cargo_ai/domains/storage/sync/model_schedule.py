"""Model schedules: validate and store the cron schedule by which a model is synced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.storage import model as contract
from cargo_ai.domains.storage.tables import Model
from cargo_ai.engine.dispatch.timers import cron, schedule
from cargo_ai.engine.dispatch.timers.schedule import ScheduleSpec
from cargo_ai.kernel import clock
from cargo_ai.kernel.operation import Operation
from cargo_ai.store.driver import driver_connection

KIND = "model"
"""The kind of the schedules of models."""
LOOKED_AT = 50
"""Due times whose distances are looked at."""


def validate(operation: Operation[Any, Any, Any], requested: contract.Schedule, min_interval: int | None) -> None:
    """Refuse a schedule that cannot be. `min_interval`: seconds between two syncs; None: the model has no source to read again."""
    if min_interval is None:
        problem = "Only models of connectors' datasets have a source that is read again by the clock."
        operation.refuse("scheduleNotCompatible", problem=problem)
    if not isinstance(requested, contract.CronSchedule):
        operation.refuse("scheduleNotCompatible", problem="There is no integration with dbt here: give a cron schedule.")
    try:
        parsed = cron.parse(requested.cron, requested.time_zone)
    except cron.InvalidCron as error:
        operation.refuse("failedToSchedule", cause=str(error))
    anchor = time = clock.now()
    for number in range(LOOKED_AT):
        following = parsed.after(time, anchor)
        if number and following - time < timedelta(seconds=min_interval):
            operation.refuse("scheduleIntervalTooShort", seconds=min_interval)
        time = following


async def put(db: AsyncSession, row: Model, requested: contract.Schedule | None) -> None:
    """Give a model this schedule, which was validated, or none."""
    specs: list[ScheduleSpec] = []
    if isinstance(requested, contract.CronSchedule):
        specs = [ScheduleSpec("cron", requested.cron, requested.time_zone)]
    uuids = await schedule.replace_schedules(await driver_connection(db), row.workspace_uuid, KIND, row.uuid, specs)
    row.schedule = requested.to_wire() | {"temporalScheduleWorkflowId": str(uuids[0])} if requested is not None else None


async def take_away(db: AsyncSession, row: Model) -> None:
    """Let the schedule of a model that is removed rest; the model keeps it."""
    await schedule.replace_schedules(await driver_connection(db), row.workspace_uuid, KIND, row.uuid, [])


async def bring_back(db: AsyncSession, row: Model) -> None:
    """The schedule of a model that was restored."""
    if row.schedule is not None and row.schedule.get("type") == "cron":
        await put(db, row, contract.CronSchedule.model_validate(row.schedule))
