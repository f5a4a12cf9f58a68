"""Clock triggers of agents: validate and store them, and send what is due."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.ai import agent as contract
from cargo_ai.domains.ai.tables import Agent
from cargo_ai.engine.dispatch import cron, schedule
from cargo_ai.engine.dispatch.schedule import ScheduleSpec, ScheduleState
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection

KIND = "agent"
"""The kind of the schedules of agents."""


async def put(db: AsyncSession, row: Agent, triggers: Sequence[contract.CronTrigger]) -> None:
    """Give the agent exactly these triggers; one that is as before keeps its next time. 400 names the trigger with an invalid cron."""
    for index, trigger in enumerate(triggers):
        try:
            cron.parse(trigger.cron, trigger.time_zone)
        except cron.InvalidCron as error:
            raise invalid_input([{"path": f"triggers.{index}.cron", "message": str(error)}]) from None
    specs = [ScheduleSpec(trigger.name, trigger.cron, trigger.time_zone, {"text": trigger.text}) for trigger in triggers]
    uuids = await schedule.replace_schedules(await driver_connection(db), row.workspace_uuid, KIND, row.uuid, specs)
    row.triggers = [trigger.to_wire() | {"temporalScheduleWorkflowId": str(uid)} for trigger, uid in zip(triggers, uuids, strict=True)]


async def states(db: AsyncSession, workspace: uuid.UUID, rows: Sequence[Agent]) -> dict[str, ScheduleState]:
    """The states of the triggers of these agents, by the id that each is stored with."""
    owners = [row.uuid for row in rows if row.triggers]
    found = await schedule.states(await driver_connection(db), workspace, KIND, owners) if owners else {}
    return {str(uid): state for uid, state in found.items()}


def to_response(trigger: JsonObject, state: ScheduleState | None) -> contract.AgentTriggerCron:
    """A trigger on the wire."""
    fields = {} if state is None else {"nextFireAt": state.next_fire_at, "lastFireAt": state.last_fire_at, "problem": state.problem}
    return contract.AgentTriggerCron.model_validate(trigger | fields)
