"""Triggers of agents, by the clock and by events: validate and store them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.ai import agent as contract
from cargo_ai.domains.ai.tables import Agent
from cargo_ai.domains.connection import public as connectors
from cargo_ai.engine.dispatch.timers import cron, schedule
from cargo_ai.engine.dispatch.timers.schedule import ScheduleSpec, ScheduleState
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection

KIND = "agent"
"""The kind of the schedules of agents."""
SCHEDULE = "temporalScheduleWorkflowId"


async def put(db: AsyncSession, row: Agent, triggers: Sequence[contract.CronTrigger | contract.HookTrigger]) -> None:
    """Give the agent exactly these triggers; one that is as before keeps its next time.

    400 names the trigger with an invalid cron, and the one with a connector that takes no events.
    """
    specs: list[ScheduleSpec] = []
    for index, trigger in enumerate(triggers):
        if isinstance(trigger, contract.HookTrigger):
            await _require_hook(db, index, trigger)
            continue
        try:
            cron.parse(trigger.cron, trigger.time_zone)
        except cron.InvalidCron as error:
            raise invalid_input([{"path": f"triggers.{index}.cron", "message": str(error)}]) from None
        specs.append(ScheduleSpec(trigger.name, trigger.cron, trigger.time_zone, {"text": trigger.text}))
    uuids = iter(await schedule.replace_schedules(await driver_connection(db), row.workspace_uuid, KIND, row.uuid, specs))
    row.triggers = [
        trigger.to_wire() if isinstance(trigger, contract.HookTrigger) else trigger.to_wire() | {SCHEDULE: str(next(uuids))}
        for trigger in triggers
    ]


async def _require_hook(db: AsyncSession, index: int, trigger: contract.HookTrigger) -> None:
    connector = ids.parse(trigger.connector_uuid)
    if connector is None or not await connectors.hook_exists(db, connector):
        message = "is no connector of the integration webhook: cargo-ai connection connector list --integration-slug webhook"
        raise invalid_input([{"path": f"triggers.{index}.connectorUuid", "message": message}])


def connectors_of(row: Agent) -> list[uuid.UUID]:
    """The connectors whose events the agent is sent."""
    named = [ids.parse(str(trigger.get("connectorUuid"))) for trigger in row.triggers if trigger.get("type") == "connector"]
    return [connector for connector in named if connector is not None]


async def states(db: AsyncSession, workspace: uuid.UUID, rows: Sequence[Agent]) -> dict[str, ScheduleState]:
    """The states of the triggers of these agents, by the id that each is stored with."""
    owners = [row.uuid for row in rows if row.triggers]
    found = await schedule.states(await driver_connection(db), workspace, KIND, owners) if owners else {}
    return {str(uid): state for uid, state in found.items()}


def to_response(trigger: JsonObject, states: Mapping[str, ScheduleState]) -> contract.AgentTriggerCron | contract.HookTrigger:
    """A trigger on the wire."""
    if trigger.get("type") == "connector":
        return contract.HookTrigger.model_validate(trigger)
    state = states.get(str(trigger[SCHEDULE]))
    fields = {} if state is None else {"nextFireAt": state.next_fire_at, "lastFireAt": state.last_fire_at, "problem": state.problem}
    return contract.AgentTriggerCron.model_validate(trigger | fields)
