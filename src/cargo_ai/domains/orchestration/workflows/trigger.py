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
from cargo_ai.engine.dispatch.timers import cron, schedule
from cargo_ai.engine.dispatch.timers.schedule import DueSchedule, Fire, NotFired, ScheduleSpec, ScheduleState
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.ledger.reservations import NotEnoughCredits
from cargo_ai.store.driver import driver_connection

KIND = "tool"
"""The kind of the schedules of tools."""
SCHEDULE = "temporalScheduleWorkflowId"


async def put(db: AsyncSession, row: Tool, triggers: Sequence[contract.ToolTrigger | contract.HookTrigger]) -> None:
    """Give the tool exactly these triggers; one that is as before keeps its next time.

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
        specs.append(ScheduleSpec(trigger.name, trigger.cron, trigger.time_zone, {"data": trigger.data}))
    connection = await driver_connection(db)
    uuids = iter(await schedule.replace_schedules(connection, row.workspace_uuid, KIND, row.uuid, specs))
    row.triggers = [
        trigger.stored() if isinstance(trigger, contract.HookTrigger) else trigger.stored() | {SCHEDULE: str(next(uuids))}
        for trigger in triggers
    ]


async def _require_hook(db: AsyncSession, index: int, trigger: contract.HookTrigger) -> None:
    connector = ids.parse(trigger.connector_uuid)
    if connector is None or not await connectors.hook_exists(db, connector):
        message = "is no connector of the integration webhook: cargo-ai connection connector list --integration-slug webhook"
        raise invalid_input([{"path": f"triggers.{index}.connectorUuid", "message": message}])


async def living(db: AsyncSession, stored: Sequence[JsonObject]) -> tuple[list[contract.ToolTrigger | contract.HookTrigger], list[str]]:
    """Stored triggers as they may be put again, and the names of those whose connector is gone."""
    triggers: list[contract.ToolTrigger | contract.HookTrigger] = []
    gone: list[str] = []
    for fields in stored:
        if fields.get("type") != "connector":
            triggers.append(contract.ToolTrigger.model_validate(fields))
            continue
        trigger = contract.HookTrigger.model_validate(fields)
        connector = ids.parse(trigger.connector_uuid)
        if connector is not None and await connectors.hook_exists(db, connector):
            triggers.append(trigger)
        else:
            gone.append(trigger.name)
    return triggers, gone


def connectors_of(row: Tool) -> list[uuid.UUID]:
    """The connectors whose events start the tool."""
    stored = [ids.parse(str(trigger.get("connectorUuid"))) for trigger in row.triggers if trigger.get("type") == "connector"]
    return [connector for connector in stored if connector is not None]


async def states(db: AsyncSession, workspace: uuid.UUID, rows: Sequence[Tool]) -> dict[str, ScheduleState]:
    """The states of the triggers of these tools, by the id that each is stored with."""
    owners = [row.uuid for row in rows if row.triggers]
    states = await schedule.states(await driver_connection(db), workspace, KIND, owners) if owners else {}
    return {str(uid): state for uid, state in states.items()}


def to_response(trigger: JsonObject, states: Mapping[str, ScheduleState]) -> contract.ToolTriggerCron | contract.HookTrigger:
    """A trigger on the wire."""
    if trigger.get("type") == "connector":
        return contract.HookTrigger.model_validate(trigger)
    state = states.get(trigger[SCHEDULE])
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
