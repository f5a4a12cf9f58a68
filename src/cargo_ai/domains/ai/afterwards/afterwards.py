"""Follow-ups and heartbeats of this process: claimed when they are due, and taken over from processes that have died."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from datetime import datetime, timedelta

from sqlalchemy import select, update

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.afterwards import heartbeat
from cargo_ai.domains.ai.afterwards.follow_up import FollowUp, Taken
from cargo_ai.domains.ai.chats.answering.ended import Ended
from cargo_ai.domains.ai.tables import Chat, Message
from cargo_ai.engine.dispatch.timers.lookout import Lookout
from cargo_ai.kernel import clock, log, tasks
from cargo_ai.store.availability import DATABASE_UNAVAILABLE
from cargo_ai.store.session import ALL_WORKSPACES

AT_ONCE = 16
"""Follow-ups of one process; they mostly wait for language models."""
MAX_BEATS = 100
LOOK_SECONDS = 14.3
"""So late a heartbeat is, and a follow-up whose process has died; those of answers that are written here are done at once."""
CLAIM = timedelta(minutes=15)
"""Longer than a follow-up takes: so late others take over what a dead process has begun."""

_log = log.get(__name__)


class Afterwards:
    """One per process."""

    def __init__(self, services: Services) -> None:
        self._services, self._database = services, services.database
        self._running: set[asyncio.Task[None]] = set()
        self._ended, self._lookout = services.once(Ended, Ended), services.once(Lookout, Lookout)

    async def run(self) -> None:
        """Look for what is due until cancelled; what is being done then is given back."""
        try:
            await self._lookout.wait(self._ended, self._lookout.longest(0))
            while True:
                self._ended.clear()
                with contextlib.suppress(*DATABASE_UNAVAILABLE):
                    is_any_followed_up, is_any_beat = await self._look()
                    if is_any_followed_up:
                        await self._claim()
                    if is_any_beat:
                        await self._beat()
                await self._lookout.wait(self._ended, LOOK_SECONDS if self._running else self._lookout.longest(LOOK_SECONDS))
        finally:
            for task in list(self._running):
                await tasks.cancel(task)

    async def _look(self) -> tuple[bool, bool]:
        """Whether any follow-up is due, and any heartbeat: in one statement that only reads, since mostly nothing is due."""
        now = clock.now()
        follow_ups = select(Message.uuid).where(Message.afterwards_at <= now, Message.finished_at.is_not(None)).exists()
        heartbeats = select(Chat.uuid).where(Chat.heartbeat_at <= now).exists()
        async with self._database.session(ALL_WORKSPACES) as db:
            row = (await db.execute(select(follow_ups, heartbeats))).one()
        return row[0], row[1]

    async def _claim(self) -> None:
        room = AT_ONCE - len(self._running)
        if room <= 0:
            return
        # To the millisecond, so that it is found again as it was stored.
        claimed = (clock.now() + CLAIM).replace(microsecond=0)
        async with self._database.session(ALL_WORKSPACES) as db:
            due = (
                select(Message.uuid)
                .where(Message.afterwards_at <= clock.now(), Message.finished_at.is_not(None))
                .order_by(Message.afterwards_at)
                .limit(room)
                .with_for_update(skip_locked=True)
            )
            rows = await db.execute(
                update(Message)
                .where(Message.uuid.in_(due.scalar_subquery()))
                .values(afterwards_at=claimed)
                .returning(Message.uuid, Message.workspace_uuid)
            )
            mine = [(row[0], row[1]) for row in rows]
            await db.commit()
        for message, workspace in mine:
            task = asyncio.create_task(self._follow_up(message, workspace, claimed), name=f"after answer {message}")
            self._running.add(task)
            task.add_done_callback(self._make_room)

    def _make_room(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._ended.set()

    async def _follow_up(self, message: uuid.UUID, workspace: uuid.UUID, claimed: datetime) -> None:
        try:
            await FollowUp(self._services, workspace, message, claimed).do()
        except Taken:
            _log.info("another process follows an answer up now", message=str(message))
        except asyncio.CancelledError:
            await self._release(message, claimed, clock.now())
            raise
        except DATABASE_UNAVAILABLE as error:
            # It is due again when the claim has run out.
            _log.warning("no database while an answer was followed up", message=str(message), cause=str(error).strip()[:200])
        except Exception:
            _log.exception("following an answer up broke", message=str(message))
            await self._release(message, claimed, None)

    async def _release(self, message: uuid.UUID, claimed: datetime, due: datetime | None) -> None:
        """Let others do it at once, or no one any more."""
        with contextlib.suppress(*DATABASE_UNAVAILABLE):
            async with self._database.session(ALL_WORKSPACES) as db:
                mine = (Message.uuid == message, Message.afterwards_at == claimed)
                await db.execute(update(Message).where(*mine).values(afterwards_at=due))
                await db.commit()

    async def _beat(self) -> None:
        async with self._database.session(ALL_WORKSPACES) as db:
            due = select(Chat.uuid, Chat.workspace_uuid).where(Chat.heartbeat_at <= clock.now())
            chats = [(row[0], row[1]) for row in await db.execute(due.order_by(Chat.heartbeat_at).limit(MAX_BEATS))]
        for chat, workspace in chats:
            try:
                await heartbeat.beat(self._database, workspace, chat)
            except DATABASE_UNAVAILABLE:
                raise
            except Exception:
                # One chat that breaks must not keep the others from theirs.
                _log.exception("a heartbeat broke", chat=str(chat))
