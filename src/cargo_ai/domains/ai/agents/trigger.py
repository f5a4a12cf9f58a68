"""Triggers of agents, by the clock and by events: validate and store them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.ai import agent as contract
from cargo_ai.domains.ai.tables import Agent
from cargo_ai.domains.connection import public as connectors
from cargo_ai.engine.dispatch.timers.schedule import ScheduleState
from cargo_ai.kernel.wire import JsonObject

KIND = "agent"
"""The kind of the schedules of agents."""


async def put(db: AsyncSession, row: Agent, triggers: Sequence[contract.CronTrigger | contract.HookTrigger]) -> None:
    """Give the agent exactly these triggers, as `schedule_triggers` does."""
    stored = [trigger.to_wire() for trigger in triggers]
    row.triggers = await connectors.triggers.schedule_triggers(db, row.workspace_uuid, KIND, row.uuid, stored, "text")


def to_response(trigger: JsonObject, states: Mapping[str, ScheduleState]) -> contract.AgentTriggerCron | contract.HookTrigger:
    """A trigger on the wire."""
    if connectors.triggers.is_by_events(trigger):
        return contract.HookTrigger.model_validate(trigger)
    state = states.get(str(trigger[connectors.triggers.SCHEDULE]))
    fields = {} if state is None else {"nextFireAt": state.next_fire_at, "lastFireAt": state.last_fire_at, "problem": state.problem}
    return contract.AgentTriggerCron.model_validate(trigger | fields)
