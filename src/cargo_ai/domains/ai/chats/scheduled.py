"""Schedules of agents: each due time begins a chat, in the transaction that moves the schedule on."""

from __future__ import annotations

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.agents import lookup
from cargo_ai.domains.ai.chats import sending
from cargo_ai.domains.ai.tables import Chat
from cargo_ai.engine.dispatch.timers.schedule import DueSchedule, NotFired
from cargo_ai.kernel import ids


async def fire(db: AsyncSession, due: DueSchedule) -> uuid.UUID:
    """Begin the chat. NotFired where the agent is gone or has nothing deployed."""
    agent = await lookup.find_agent(db, due.owner)
    if agent is None:
        raise NotFired("The agent has been removed.")
    release = await lookup.release_of(db, agent.uuid, "deployed")
    if release is None:
        raise NotFired(f"The agent {agent.name!r} has nothing deployed: cargo-ai ai release deploy-draft --agent-uuid {agent.uuid}")
    uid = ids.new()
    chat = Chat(
        uuid=uid,
        workspace_uuid=due.workspace,
        user_uuid=agent.user_uuid,
        agent_uuid=agent.uuid,
        name=due.name,
        trigger={"type": "schedule"},
        trace_uuid=uid,
    )
    db.add(chat)
    await db.flush()
    text = {"type": "text", "text": due.payload["text"]}
    _, answer = await sending.send(db, chat, agent.user_uuid, [text], {}, release.uuid)
    return answer.uuid
