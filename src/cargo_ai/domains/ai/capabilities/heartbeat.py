"""Heartbeats, for the agent: it hears that it is asked again by itself, and may end that where nothing is left to do."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.afterwards.due import beats
from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Offer, Opening
from cargo_ai.domains.ai.tables import Chat
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool

_ENDED = 1_000_000
"""More heartbeats than a release may ask for: none is left until a user writes again."""


async def offer(opening: Opening, db: AsyncSession) -> Offer:
    """A tool to end the heartbeats of this chat."""
    heartbeat = opening.plan.heartbeat
    trigger = await db.scalar(select(Chat.trigger).where(Chat.uuid == opening.chat)) if heartbeat is not None else None
    if heartbeat is None or trigger is None or not beats(trigger):
        return Offer()

    async def end(_arguments: JsonObject, _key: str) -> Given:
        async with opening.services.database.session(opening.workspace) as session:
            await session.execute(update(Chat).where(Chat.uuid == opening.chat).values(heartbeats_count=_ENDED, heartbeat_at=None))
            await session.commit()
        return Given({"ended": True})

    tool = Tool(
        "stop_heartbeat", "End the heartbeats of this conversation.", {"type": "object", "properties": {}, "additionalProperties": False}
    )
    note = (
        f"{heartbeat['intervalMinutes']:g} minutes after an answer of yours you are asked again by itself, "
        f"{heartbeat['maxMessages']:g} times at most, so that you can go on with what is open. "
        "Call `stop_heartbeat` when nothing is left to do."
    )
    return Offer([BuiltIn(tool, end, "writes")], [note])
