"""Sending: a message, the empty answer to it, and the job that writes that, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.tables import Chat, Message
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection

TASK = "answer"
"""The job that writes an answer."""


def rows_of(
    chat: Chat, user: uuid.UUID | None, message_parts: list[JsonObject], given: Mapping[str, Any], release: uuid.UUID | None
) -> tuple[Message, Message]:
    """The rows of a message and of the answer to it."""
    origin = {"workspace_uuid": chat.workspace_uuid, "chat_uuid": chat.uuid, "agent_uuid": chat.agent_uuid, "release_uuid": release}
    now = clock.now()
    sent = Message(
        uuid=ids.new(),
        user_uuid=user,
        type="user",
        status="success",
        parts=message_parts,
        given={},
        steps=[],
        finished_at=now,
        created_at=now,
        **origin,
    )
    # A moment later, so that the two are never in the other order.
    answer = Message(
        uuid=ids.new(),
        user_uuid=None,
        type="assistant",
        status="pending",
        parts=[],
        given=dict(given),
        steps=[],
        created_at=now + timedelta(milliseconds=1),
        **origin,
    )
    return sent, answer


async def send(
    db: AsyncSession,
    chat: Chat,
    user: uuid.UUID | None,
    message_parts: list[JsonObject],
    given: Mapping[str, Any],
    release: uuid.UUID | None,
) -> tuple[Message, Message]:
    """Store a message and the answer to it, with the job that writes that."""
    sent, answer = rows_of(chat, user, message_parts, given, release)
    db.add_all([sent, answer])
    await db.flush()
    chat.last_message_uuid = answer.uuid
    await db.flush()
    names = {"message": str(answer.uuid), "workspace": str(chat.workspace_uuid)}
    await producer().defer(await driver_connection(db), TASK, "interactive", **names)
    return sent, answer
