"""Triggers of tools and agents, by the clock and by events of connectors, as they are stored: validate and schedule them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.connection.hooks import INTEGRATION
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.engine.dispatch.timers import cron, schedule
from cargo_ai.engine.dispatch.timers.schedule import ScheduleSpec, ScheduleState
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection

SCHEDULE = "temporalScheduleWorkflowId"
"""The field of a stored trigger that names its schedule."""


async def schedule_triggers(
    db: AsyncSession, workspace: uuid.UUID, kind: str, owner: uuid.UUID, triggers: Sequence[JsonObject], payload: str
) -> list[JsonObject]:
    """Give the owner exactly these triggers, in the form in which they are stored; one that is as before keeps its next time.

    payload: the field that comes with a due time. 400 names the trigger whose cron is not valid, or whose connector takes no events.
    """
    specs: list[ScheduleSpec] = []
    for index, trigger in enumerate(triggers):
        if is_by_events(trigger):
            if not await is_connected(db, trigger):
                message = "is not a connector of the integration webhook: cargo-ai connection connector list --integration-slug webhook"
                raise invalid_input([{"path": f"triggers.{index}.connectorUuid", "message": message}])
            continue
        try:
            cron.parse(trigger["cron"], trigger.get("timeZone"))
        except cron.InvalidCron as error:
            raise invalid_input([{"path": f"triggers.{index}.cron", "message": str(error)}]) from None
        specs.append(ScheduleSpec(trigger["name"], trigger["cron"], trigger.get("timeZone"), {payload: trigger[payload]}))
    uuids = iter(await schedule.replace_schedules(await driver_connection(db), workspace, kind, owner, specs))
    return [trigger if is_by_events(trigger) else trigger | {SCHEDULE: str(next(uuids))} for trigger in triggers]


def is_by_events(trigger: JsonObject) -> bool:
    """Whether events of a connector fire it, not the clock."""
    return trigger.get("type") == "connector"


async def is_connected(db: AsyncSession, trigger: JsonObject) -> bool:
    """Whether the connector of a trigger by events is there and takes events."""
    query = select(Connector.uuid).where(Connector.uuid == ids.parse(str(trigger.get("connectorUuid"))), Connector.deleted_at.is_(None))
    return await db.scalar(query.where(Connector.integration_slug == INTEGRATION)) is not None


def connectors_of(triggers: Sequence[JsonObject]) -> list[uuid.UUID]:
    """The connectors whose events fire them."""
    named = [ids.parse(str(trigger.get("connectorUuid"))) for trigger in triggers if is_by_events(trigger)]
    return [connector for connector in named if connector is not None]


async def trigger_states(db: AsyncSession, workspace: uuid.UUID, kind: str, owners: Sequence[uuid.UUID]) -> dict[str, ScheduleState]:
    """The states of the triggers of these owners, by what `SCHEDULE` says of each."""
    states = await schedule.states(await driver_connection(db), workspace, kind, owners) if owners else {}
    return {str(uid): state for uid, state in states.items()}
