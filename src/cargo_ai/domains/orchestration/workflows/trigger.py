"""Clock triggers of tools: validate and store them, and start their runs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.contract.orchestration import tool as contract
from cargo_ai.domains.orchestration.tables import Tool
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.dispatch import cron, schedule, submit
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.dispatch.schedule import DueSchedule, Fire, NotFired, ScheduleSpec, ScheduleState
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection

KIND = "tool"
"""The kind of the schedules of tools."""


async def put(db: AsyncSession, row: Tool, triggers: Sequence[contract.ToolTrigger]) -> None:
    """Give the tool exactly these triggers; one that is as before keeps its next time. 400 names the trigger with an invalid cron."""
    for index, trigger in enumerate(triggers):
        try:
            cron.parse(trigger.cron, trigger.time_zone)
        except cron.InvalidCron as error:
            raise invalid_input([{"path": f"triggers.{index}.cron", "message": str(error)}]) from None
    specs = [ScheduleSpec(trigger.name, trigger.cron, trigger.time_zone, {"data": trigger.data}) for trigger in triggers]
    connection = await driver_connection(db)
    uuids = await schedule.replace_schedules(connection, row.workspace_uuid, KIND, row.uuid, specs)
    row.triggers = [trigger.stored() | {"temporalScheduleWorkflowId": str(uid)} for trigger, uid in zip(triggers, uuids, strict=True)]


async def states(db: AsyncSession, workspace: uuid.UUID, rows: Sequence[Tool]) -> dict[str, ScheduleState]:
    """The states of the triggers of these tools, by the id that each is stored with."""
    owners = [row.uuid for row in rows if row.triggers]
    states = await schedule.states(await driver_connection(db), workspace, KIND, owners) if owners else {}
    return {str(uid): state for uid, state in states.items()}


def to_response(trigger: JsonObject, state: ScheduleState | None) -> contract.ToolTriggerCron:
    """A trigger on the wire."""
    state_fields: dict[str, Any] = {}
    if state is not None:
        state_fields = {"next_fire_at": state.next_fire_at, "last_fire_at": state.last_fire_at, "problem": state.problem}
        state_fields["last_run_uuid"] = state.started
    return contract.ToolTriggerCron.model_validate(trigger | state_fields)


async def _fire(db: AsyncSession, due: DueSchedule, most_runs: int) -> uuid.UUID:
    """Start the tool's run in the transaction that moves its schedule on: neither is there without the other.

    It waits where `most_runs` of the workspace go.
    """
    row = await db.scalar(select(Tool).where(Tool.uuid == due.owner, Tool.deleted_at.is_(None)))
    runnable = await lookup.runnable(db, row.workflow_uuid) if row is not None else None
    if row is None or runnable is None:
        raise NotFired("The tool has been removed.")
    if runnable.release_uuid is None or not runnable.nodes:
        command = f"cargo-ai orchestration draft-release deploy --workflow-uuid {row.workflow_uuid}"
        raise NotFired(f"The tool {row.name!r} has nothing deployed: {command}")
    spec = submit.RunSpec(due.workspace, row.workflow_uuid, row.user_uuid, runnable.release_uuid, runnable.nodes)
    return (await submit.submit_run(await driver_connection(db), producer(most_runs), spec, due.payload["data"]))["uuid"]


def fire_with(services: Services) -> Fire:
    """Starts the runs of tools that are due."""
    return lambda db, due: _fire(db, due, services.settings.max_concurrent_runs)
