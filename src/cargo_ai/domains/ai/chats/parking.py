"""Parking: an answer whose calls wait for others takes no place in a process until one of them has ended."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Uuid, any_, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats import sending
from cargo_ai.domains.ai.tables import Message
from cargo_ai.domains.orchestration.public import agent_tools
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

AT_LAST = timedelta(hours=1)
"""When a parked answer looks by itself, should it never be woken."""
MOST_WOKEN = 500


async def park(database: Database, workspace: uuid.UUID, message: uuid.UUID, owner: uuid.UUID, awaits: Sequence[uuid.UUID]) -> None:
    """Give an answer up until one of these runs and messages ends. Nothing happens where another process writes it now."""
    async with database.session(workspace) as db:
        mine = (Message.uuid == message, Message.owner == owner, Message.finished_at.is_(None), Message.status == "generating")
        await db.execute(update(Message).where(*mine).values(owner=None, leased_until=clock.now() + AT_LAST, awaits=list(awaits)))
        await db.commit()


async def wake_parent(db: AsyncSession, message: uuid.UUID) -> None:
    """Have the answer that waits for this message go on, when the session's transaction commits."""
    parked = update(Message).where(Message.awaits.is_not(None), literal(message, Uuid) == any_(Message.awaits), Message.owner.is_(None))
    woken = list(await db.scalars(parked.values(awaits=None, leased_until=None).returning(Message.uuid)))
    if woken:
        await producer().defer_many(await driver_connection(db), sending.TASK, "interactive", [{"message": str(uid)} for uid in woken])


async def wake(database: Database) -> bool:
    """Let answers go on whose runs and messages have ended, so that a process takes them up; whether there were any."""
    async with database.session(ALL_WORKSPACES) as db:
        parked = {row[0]: row[1] for row in await db.execute(select(Message.uuid, Message.awaits).where(Message.awaits.is_not(None)))}
        if not parked:
            return False
        awaited = list({uid for uids in parked.values() for uid in uids or ()})
        ended = await agent_tools.ended(db, awaited)
        ended |= set(await db.scalars(select(Message.uuid).where(Message.uuid.in_(awaited), Message.finished_at.is_not(None))))
        ready = [uid for uid, uids in parked.items() if ended.intersection(uids or ())][:MOST_WOKEN]
        if not ready:
            return False
        await db.execute(update(Message).where(Message.uuid.in_(ready), Message.awaits.is_not(None)).values(awaits=None, leased_until=None))
        await db.commit()
        return True
