"""Triggers of tools, by the clock and by events: validate and store them, and start the runs that are due."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.contract.orchestration.workflows import tool as contract
from cargo_ai.domains.connection import public as connectors
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.tables import Tool
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.dispatch.timers.schedule import DueSchedule, Fire, NotFired, ScheduleState
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.ledger.reservations import NotEnoughCredits
from cargo_ai.store.driver import driver_connection

KIND = "tool"
"""The kind of the schedules of tools."""


async def put(db: AsyncSession, row: Tool, triggers: Sequence[contract.ToolTrigger | contract.HookTrigger]) -> None:
    """Give the tool exactly these triggers, as `schedule_triggers` does."""
    stored = [trigger.stored() for trigger in triggers]
    row.triggers = await connectors.triggers.schedule_triggers(db, row.workspace_uuid, KIND, row.uuid, stored, "data")


async def living(db: AsyncSession, stored: Sequence[JsonObject]) -> tuple[list[contract.ToolTrigger | contract.HookTrigger], list[str]]:
    """Stored triggers as they may be put again, and the names of those whose connector is gone."""
    triggers: list[contract.ToolTrigger | contract.HookTrigger] = []
    gone: list[str] = []
    for fields in stored:
        if not connectors.triggers.is_by_events(fields):
            triggers.append(contract.ToolTrigger.model_validate(fields))
        elif await connectors.triggers.is_connected(db, fields):
            triggers.append(contract.HookTrigger.model_validate(fields))
        else:
            gone.append(fields["name"])
    return triggers, gone


def to_response(trigger: JsonObject, states: Mapping[str, ScheduleState]) -> contract.ToolTriggerCron | contract.HookTrigger:
    """A trigger on the wire."""
    if connectors.triggers.is_by_events(trigger):
        return contract.HookTrigger.model_validate(trigger)
    state = states.get(trigger[connectors.triggers.SCHEDULE])
    state_fields: dict[str, Any] = {}
    if state is not None:
        state_fields = {"next_fire_at": state.next_fire_at, "last_fire_at": state.last_fire_at, "problem": state.problem}
        state_fields["last_run_uuid"] = state.started
    return contract.ToolTriggerCron.model_validate(trigger | state_fields)


async def _fire(services: Services, db: AsyncSession, due: DueSchedule) -> uuid.UUID:
    """Start the tool's run in the transaction that moves its schedule on: neither is there without the other.

    It waits where as many runs of the workspace go as may.
    """
    row = await db.scalar(select(Tool).where(Tool.uuid == due.owner, Tool.deleted_at.is_(None)))
    runnable = await lookup.runnable(db, row.workflow_uuid) if row is not None else None
    if row is None or runnable is None:
        raise NotFired("The tool has been removed.")
    if runnable.release_uuid is None or not runnable.nodes:
        command = f"cargo-ai orchestration draft-release deploy --workflow-uuid {row.workflow_uuid}"
        raise NotFired(f"The tool {row.name!r} has nothing deployed: {command}")
    spec = submit.RunSpec(due.workspace, row.workflow_uuid, row.user_uuid, runnable.release_uuid, runnable.nodes)
    costs = await node_costs.run_costs(services, db, due.workspace, runnable.nodes)
    queue = producer(services.settings.max_concurrent_runs)
    try:
        return (await submit.submit_run(await driver_connection(db), queue, spec, due.payload["data"], costs))["uuid"]
    except NotEnoughCredits as refusal:
        raise NotFired(f"The run was not started: {refusal.message}") from None


def fire_with(services: Services) -> Fire:
    """Starts the runs of tools that are due."""
    return partial(_fire, services)
