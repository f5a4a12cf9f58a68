"""Sub-agents: an agent that is called as a tool gets a chat of its own, below the one that it is called from."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.ai.message import MAXIMUM_TEXT
from cargo_ai.domains.ai.agents import lookup
from cargo_ai.domains.ai.chats import conversation, sending
from cargo_ai.domains.ai.chats.calling.offer import Given, Opening
from cargo_ai.domains.ai.tables import Agent, AgentRelease, Chat, Message
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject

DEPTH = 4
"""Agents below the first one, one below the other."""
MAX_OF_TRACE, WITHIN = 200, timedelta(hours=1)
"""Chats that agents begin below one conversation within that time."""
PROMPT: JsonObject = {
    "type": "object",
    "properties": {
        "prompt": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAXIMUM_TEXT,
            "description": "What it is to do, with all that it needs to know: it sees nothing of this conversation.",
        }
    },
    "required": ["prompt"],
    "additionalProperties": False,
}


class NotStarted(Exception):
    """The agent cannot be called now; the message is for people and for the language model."""


class Started:
    """A message that was sent to a sub-agent."""

    def __init__(self, chat: uuid.UUID, message: uuid.UUID) -> None:
        self.chat, self.message = chat, message


async def find(db: AsyncSession, action: JsonObject) -> tuple[Agent, AgentRelease]:
    """The agent of an action, and what it has deployed. Raises NotStarted."""
    agent = await lookup.find_agent(db, str(action.get("agentUuid") or ""))
    if agent is None:
        raise NotStarted(f"There is no agent {action.get('agentUuid')} (any more).")
    release = await lookup.release_of(db, agent.uuid, "deployed")
    if release is None:
        raise NotStarted(f"The agent {agent.name!r} has nothing deployed.")
    return agent, release


def schema_of(action: JsonObject) -> JsonObject:
    """What a call takes: a prompt, unless the action fixes it."""
    return {"type": "object", "properties": {}, "additionalProperties": False} if _fixed_prompt(action) else PROMPT


def _fixed_prompt(action: JsonObject) -> str:
    config = cast("JsonObject", action.get("config") or {})
    return str(config.get("prompt") or "")


async def depth_of(db: AsyncSession, chat: uuid.UUID) -> int:
    """How many chats there are above one; it looks no further than `DEPTH`."""
    above, depth = await _parent(db, chat), 0
    while above is not None and depth < DEPTH:
        depth, above = depth + 1, await _parent(db, above)
    return depth


async def _parent(db: AsyncSession, chat: uuid.UUID) -> uuid.UUID | None:
    return await db.scalar(select(Message.chat_uuid).join(Chat, Chat.parent_message_uuid == Message.uuid).where(Chat.uuid == chat))


async def start(opening: Opening, db: AsyncSession, action: JsonObject, arguments: dict[str, Any]) -> Started:
    """Send the prompt in a new chat of the sub-agent, in the caller's transaction. Raises NotStarted."""
    agent, release = await find(db, action)
    above = await db.scalar(select(Chat).where(Chat.uuid == opening.chat))
    if above is None:
        raise NotStarted("The chat was removed.")
    since = clock.now() - WITHIN
    begun = select(func.count()).where(Chat.trace_uuid == above.trace_uuid, Chat.parent_message_uuid.is_not(None), Chat.created_at > since)
    if int(await db.scalar(begun) or 0) >= MAX_OF_TRACE:
        raise NotStarted(f"Agents have begun {MAX_OF_TRACE} chats below this conversation within an hour: no more are begun.")
    prompt = _fixed_prompt(action) or str(arguments["prompt"])
    chat = Chat(
        uuid=(uid := ids.new()),
        workspace_uuid=opening.workspace,
        user_uuid=opening.user,
        agent_uuid=agent.uuid,
        trigger={"type": "chat", "uuid": str(uid), "agentUuid": str(opening.agent or agent.uuid), "messageUuid": str(opening.message)},
        trace_uuid=above.trace_uuid,
        parent_message_uuid=opening.message,
    )
    db.add(chat)
    await db.flush()
    _, answer = await sending.send(db, chat, opening.user, [{"type": "text", "text": prompt}], {}, release.uuid)
    return Started(chat.uuid, answer.uuid)


async def outcome(db: AsyncSession, message: uuid.UUID) -> Given | None:
    """What a sub-agent has answered; None while it writes."""
    row = await db.scalar(select(Message).where(Message.uuid == message))
    if row is None:
        return Given({"error": "The chat of the agent was removed."}, failed=True)
    if row.finished_at is None:
        return None
    if row.status != "success":
        return Given({"error": row.error_message or f"Its answer was {row.status}."}, failed=True)
    output = next((part["data"] for part in row.parts if part["type"] == "data-output"), None)
    return Given({"answer": conversation.text_of(row.parts) if output is None else output})
