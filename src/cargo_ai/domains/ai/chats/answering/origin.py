"""Origins: load what an answer is written from: its chat, its plan, the conversation before it, and its steps so far."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.agents import daily_limit
from cargo_ai.domains.ai.chats import conversation, effective
from cargo_ai.domains.ai.chats.answering.lease import AnswerLost
from cargo_ai.domains.ai.chats.effective import Plan
from cargo_ai.domains.ai.tables import AgentRelease, Chat, Message
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Turn


class CancelledBefore(Exception):
    """The answer was cancelled before this process began to write it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What an answer is written from. user: who wrote the message, None for a node, a schedule or another agent without one.
    usage: what its steps took. is_limited: whether its agent may use so much in a day. of_node: whether a node of a workflow asks."""

    chat: Chat
    plan: Plan
    turns: Sequence[Turn]
    user: uuid.UUID | None = None
    steps: list[JsonObject] = field(default_factory=list[JsonObject])
    usage: dict[str, Any] = field(default_factory=dict[str, Any])
    is_limited: bool = False
    of_node: bool = False


async def read(db: AsyncSession, message: uuid.UUID) -> Origin:
    """The origin of an answer as it is stored. AnswerLost where it is gone, CancelledBefore where it is not wanted any more."""
    row = await db.scalar(select(Message).where(Message.uuid == message))
    chat = None if row is None else await db.scalar(select(Chat).where(Chat.uuid == row.chat_uuid))
    if row is None or chat is None:
        raise AnswerLost
    if row.status == "cancelling":
        raise CancelledBefore
    release = await db.scalar(select(AgentRelease).where(AgentRelease.uuid == row.release_uuid)) if row.release_uuid else None
    user = await db.scalar(
        select(Message.user_uuid)
        .where(Message.chat_uuid == chat.uuid, Message.uuid < row.uuid, Message.type == "user")
        .order_by(Message.uuid.desc())
        .limit(1)
    )
    return Origin(
        chat=chat,
        plan=effective.plan(None if release is None else release.parts, row.given),
        turns=await conversation.turns_before(db, chat.uuid, row.uuid),
        user=user,
        steps=row.steps,
        usage=row.usage or {},
        is_limited=await daily_limit.is_limited(db, chat.agent_uuid),
        of_node=row.execution_key is not None,
    )
