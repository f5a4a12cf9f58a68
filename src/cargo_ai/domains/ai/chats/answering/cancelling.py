"""Cancel answers, and what they wait for: answers of sub-agents, runs of tools, reviews."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats import conversation
from cargo_ai.domains.ai.live import notes
from cargo_ai.domains.ai.tables import Chat, Message
from cargo_ai.domains.orchestration.public import agent_tools
from cargo_ai.kernel import clock
from cargo_ai.store.driver import driver_connection


async def cancel(db: AsyncSession, workspace: uuid.UUID, messages: Sequence[uuid.UUID]) -> int:
    """Cancel answers of the session's workspace, and all below them; how many of `messages` that were.

    Those that no process writes end at once, the others when the process that writes them hears of it.
    """
    mine = Message.uuid.in_(messages)
    # In the order of those who lock many.
    await db.execute(select(Message.uuid).where(mine).order_by(Message.uuid).with_for_update())
    idle = (mine, Message.status.in_(("pending", "generating")), Message.owner.is_(None))
    ended = update(Message).where(*idle).values(status="cancelled", finished_at=clock.now(), awaits=None, leased_until=None)
    at_once = list(await db.scalars(ended.returning(Message.uuid)))
    written = update(Message).where(mine, Message.status.in_(("pending", "generating"))).values(status="cancelling")
    running = list(await db.scalars(written.returning(Message.uuid)))
    connection = await driver_connection(db)
    for uid in at_once:
        await connection.execute("select pg_notify('cargo_done', %s)", (str(uid),))
        await connection.execute("select pg_notify(%s, %s)", (notes.SAID, notes.changed_note(str(uid))))
    if at_once:
        await cancel_below(db, workspace, at_once)
    return len(at_once) + len(running)


async def cancel_below(db: AsyncSession, workspace: uuid.UUID, messages: Sequence[uuid.UUID]) -> None:
    """Cancel what answers wait for."""
    for steps in await db.scalars(select(Message.steps).where(Message.uuid.in_(messages))):
        await agent_tools.cancel(db, workspace, conversation.runs_awaited_in(steps))
    below = select(Message.uuid).join(Chat, Chat.uuid == Message.chat_uuid).where(Chat.parent_message_uuid.in_(messages))
    unfinished = list(await db.scalars(below.where(Message.finished_at.is_(None))))
    if unfinished:
        await cancel(db, workspace, unfinished)
