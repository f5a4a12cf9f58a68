"""Runs that wait for a connector: wake them once calls are possible again, however many they are."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.events import Event, publish
from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts.accounts import FRESH_SECONDS, waits_for, waits_for_limit
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.engine.dispatch.queue import Task, producer
from cargo_ai.engine.dispatch.timers.resume_early import resume_waiting
from cargo_ai.store.driver import driver_connection

TASK = "wake runs of connector"
AT_ONCE = 2_000
# A worker may still believe that the connector is halted, and park runs for it: those are found by a second look.
LATE_SECONDS = int(FRESH_SECONDS) + 8


@dataclass(frozen=True, slots=True)
class ConnectorAwake(Event):
    """Calls for a connector are possible again; a process may believe for `LATE_SECONDS` that they are not."""

    connector: uuid.UUID


async def wake(db: AsyncSession, connector: Connector) -> None:
    """Wake them in the caller's transaction; of very many, the rest in jobs."""
    await publish(db, ConnectorAwake(connector.workspace_uuid, connector.uuid))
    await _wake(db, connector, waits_for(connector.uuid))


async def wake_for_limit(db: AsyncSession, connector: Connector) -> None:
    """Wake those that wait for the connector's rate limit, which was changed: they look whether they may go now."""
    await _wake(db, connector, waits_for_limit(connector.uuid))


async def _wake(db: AsyncSession, connector: Connector, reason: str) -> None:
    connection = await driver_connection(db)
    names = {"workspace": str(connector.workspace_uuid), "connector": str(connector.uuid), "reason": reason}
    count, after = await resume_waiting(connection, connector.workspace_uuid, reason, AT_ONCE)
    if count == AT_ONCE:
        await producer().defer(connection, TASK, "interactive", **names, after=after)
    await producer().defer_later(connection, TASK, "interactive", LATE_SECONDS, **names, after=0)


def task(services: Services) -> Task:
    """The job, with the services of a worker."""
    return partial(_wake_rest, services)


async def _wake_rest(services: Services, workspace: str, connector: str, after: int, reason: str = "") -> None:
    count, reason = AT_ONCE, reason or waits_for(uuid.UUID(connector))
    while count == AT_ONCE:
        async with services.database.session(uuid.UUID(workspace)) as db:
            connection = await driver_connection(db)
            count, after = await resume_waiting(connection, uuid.UUID(workspace), reason, AT_ONCE, after)
            await db.commit()
