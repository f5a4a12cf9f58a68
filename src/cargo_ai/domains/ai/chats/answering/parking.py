"""Parking: an answer whose calls wait for others leaves its process until one of them has ended."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Uuid, any_, literal, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats import sending
from cargo_ai.domains.ai.tables import Message
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.dispatch.timers import resume_early
from cargo_ai.kernel import clock, ids
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

AT_LAST = timedelta(hours=1)
"""When a parked answer looks by itself, should it never be woken."""
MAX_WOKEN = 500
WAKE = text("""
with ready as (
    select uuid from messages m where awaits is not null and exists (
        select 1 from unnest(m.awaits) as awaited(uuid)
        where exists (select 1 from runs r where r.uuid = awaited.uuid and r.finished_ms is not null)
            or exists (select 1 from messages o where o.uuid = awaited.uuid and o.finished_at is not null)
    ) limit :most for update skip locked
), woken as (
    update messages m set awaits = null, leased_until = null from ready where m.uuid = ready.uuid returning 1
)
select exists (select 1 from messages where awaits is not null), (select count(*) from woken)
""")


async def park(database: Database, workspace: uuid.UUID, message: uuid.UUID, owner: uuid.UUID, awaits: Sequence[uuid.UUID]) -> bool:
    """Give an answer up until one of these runs and messages ends. False where it was cancelled, or another process writes it now: nothing
    happens then."""
    async with database.session(workspace) as db:
        mine = (Message.uuid == message, Message.owner == owner, Message.finished_at.is_(None), Message.status == "generating")
        parked = update(Message).where(*mine).values(owner=None, leased_until=clock.now() + AT_LAST, awaits=list(awaits))
        is_parked = await db.scalar(parked.returning(Message.uuid)) is not None
        await db.commit()
        return is_parked


async def wake_parent(db: AsyncSession, message: uuid.UUID) -> None:
    """Have the answer that waits for this message go on, when the session's transaction commits."""
    parked = update(Message).where(Message.awaits.is_not(None), literal(message, Uuid) == any_(Message.awaits), Message.owner.is_(None))
    woken = list(await db.scalars(parked.values(awaits=None, leased_until=None).returning(Message.uuid)))
    if woken:
        await producer().defer_many(await driver_connection(db), sending.TASK, "interactive", [{"message": str(uid)} for uid in woken])


async def wake_run(database: Database, workspace: uuid.UUID, trigger: Mapping[str, Any]) -> None:
    """Have the run whose node waits for an answer go on now, where it is parked. trigger: of the answer's chat.

    In a transaction of its own, so that none holds rows of chats and of runs. Should it get lost, the node looks by itself.
    """
    run = ids.parse(str(trigger.get("runUuid"))) if trigger.get("type") == "workflow" else None
    if run is not None:
        async with database.session(workspace) as db:
            await resume_early.resume(await driver_connection(db), workspace, run, str(trigger.get("nodeUuid")))
            await db.commit()


class Look(NamedTuple):
    """What a look at parked answers has found."""

    is_any_parked: bool
    is_any_woken: bool


async def wake(database: Database) -> Look:
    """Let answers go on whose runs and messages have ended, so that a process takes them up. O(parked answers)."""
    async with database.session(ALL_WORKSPACES) as db:
        parked, woken = (await db.execute(WAKE, {"most": MAX_WOKEN})).one()
        await db.commit()
    return Look(parked, woken > 0)
