"""Heartbeats: ask the agent again in chats whose heartbeat is due, in the transaction that records it."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import select

from cargo_ai.domains.ai.chats import effective, sending
from cargo_ai.domains.ai.tables import Chat, Message
from cargo_ai.kernel import clock
from cargo_ai.store.session import Database

PROMPT = (
    "This is a heartbeat: no one has written. Look at what is open in this conversation, and go on where there is something to do now. "
    "Where there is nothing, say so in one sentence."
)
BUSY = timedelta(minutes=1)
"""After which a chat is looked at again in which an answer is being written."""
UNFINISHED = ("pending", "generating", "cancelling")


async def beat(database: Database, workspace: uuid.UUID, chat_uuid: uuid.UUID) -> None:
    """Ask the agent again, if the heartbeat is still due: another process may have done it, and the release may have none any more."""
    async with database.session(workspace) as db:
        chat = await db.scalar(select(Chat).where(Chat.uuid == chat_uuid).with_for_update(skip_locked=True))
        if chat is None or chat.heartbeat_at is None or chat.heartbeat_at > clock.now():
            return
        last = await db.scalar(select(Message.status).where(Message.uuid == chat.last_message_uuid))
        if last in UNFINISHED and chat.deleted_at is None:
            chat.heartbeat_at = clock.now() + BUSY
            await db.commit()
            return
        chat.heartbeat_at = None
        try:
            release = await effective.release_of_chat(db, chat) if chat.deleted_at is None else None
        except effective.NothingAnswers:
            release = None
        heartbeat = None if release is None else release.parts.get("heartbeat")
        if release is not None and heartbeat and chat.heartbeats_count < int(heartbeat["maxMessages"]):
            chat.heartbeats_count += 1
            text = {"type": "text", "text": heartbeat.get("prompt") or PROMPT}
            sent, _ = await sending.send(db, chat, chat.user_uuid, [text], {}, release.uuid)
            sent.given = {"heartbeat": chat.heartbeats_count}
        await db.commit()
