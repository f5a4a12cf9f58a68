"""Schedules of alerts: validate and store them, and have a worker evaluate what is due."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.observability.tables import Alert
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.dispatch.timers import cron
from cargo_ai.engine.dispatch.timers import schedule as schedules
from cargo_ai.engine.dispatch.timers.schedule import DueSchedule, NotFired, ScheduleSpec, ScheduleState
from cargo_ai.kernel import clock
from cargo_ai.kernel.operation import Operation
from cargo_ai.store.driver import driver_connection

KIND = "alert"
"""The kind of the schedules of alerts."""
TASK = "alertDue"
"""The job that evaluates an alert."""
SHORTEST = timedelta(minutes=1)
LOOKED_AT = 50
"""Due times whose distances are looked at."""


def validate(operation: Operation[Any, Any, Any], text: str) -> None:
    """Refuse what is not a cron expression, and one that comes more often than once a minute."""
    try:
        parsed = cron.parse(text)
    except cron.InvalidCron as error:
        operation.refuse("invalidCron", cause=str(error))
    anchor = time = clock.now()
    for number in range(LOOKED_AT):
        following = parsed.after(time, anchor)
        if number and following - time < SHORTEST:
            operation.refuse("invalidCron", cause="An alert is evaluated once a minute at most: give @every 1m or less often.")
        time = following


async def put(db: AsyncSession, row: Alert, text: str) -> None:
    """Give the alert this schedule, which was validated; one that is disabled keeps it and is not due."""
    specs = [ScheduleSpec("cron", text)] if row.is_enabled else []
    uuids = await schedules.replace_schedules(await driver_connection(db), row.workspace_uuid, KIND, row.uuid, specs)
    former = str(row.schedule.get("temporalScheduleWorkflowId") or row.uuid)
    row.schedule = {"type": "cron", "cron": text, "temporalScheduleWorkflowId": str(uuids[0]) if uuids else former}


async def take_away(db: AsyncSession, row: Alert) -> None:
    """Remove the schedule of an alert that is removed."""
    await schedules.replace_schedules(await driver_connection(db), row.workspace_uuid, KIND, row.uuid, [])


async def states(db: AsyncSession, workspace: uuid.UUID, alerts: Sequence[uuid.UUID]) -> dict[uuid.UUID, ScheduleState]:
    """How the schedules of these alerts stand, by alert."""
    return await schedules.by_owner(await driver_connection(db), workspace, KIND, alerts) if alerts else {}


async def fire(db: AsyncSession, due: DueSchedule) -> None:
    """An alert is due: measuring may take a while, so a job does that."""
    if await db.scalar(select(Alert.uuid).where(Alert.uuid == due.owner, Alert.is_enabled)) is None:
        raise NotFired("The alert has been removed or disabled.")
    names = {"workspace": str(due.workspace), "alert": str(due.owner), "due": due.due.isoformat()}
    await producer().defer(await driver_connection(db), TASK, "interactive", **names)
