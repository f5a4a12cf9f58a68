"""The answers that this process writes: claimed, kept by a lease that is renewed, taken up where another process has died."""

from __future__ import annotations

import asyncio
import contextlib
import math
import uuid
from collections import Counter
from datetime import timedelta

from sqlalchemy import or_, select, update

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.chats import parking
from cargo_ai.domains.ai.chats.answer import Answer, AnswerLost
from cargo_ai.domains.ai.chats.ended import Ended
from cargo_ai.domains.ai.tables import Message
from cargo_ai.kernel import clock, ids, log, tasks
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.session import ALL_WORKSPACES

MOST = 100
"""Answers that one process writes at once; they mostly wait for others."""
MOST_OF_WORKSPACE = 50
RENEWALS, LOOKS = 6, 3
"""How often within a lease it is renewed, and how often this process looks for answers that no process writes."""
MOST_RENEWAL = 3.0
"""Seconds: so soon an answer that is cancelled is at an end, and one goes on that waited for a run."""
UNPARKED_SECONDS = 12.0
"""How often it is looked for answers that wait, while there are none."""
UNFINISHED = ("pending", "generating", "cancelling")

_log = log.get(__name__)


class Answers:
    """One per process."""

    def __init__(self, services: Services) -> None:
        self._services, self._database = services, services.database
        self._owner = ids.new()
        self._lease = timedelta(seconds=services.settings.stalled_after)
        self._writing: dict[uuid.UUID, tuple[uuid.UUID, Answer, asyncio.Task[None]]] = {}
        self._room = asyncio.Event()
        self._ended = services.once(Ended, Ended)
        self._looks_for_parked_at = 0.0

    async def start(self, message: str) -> None:
        """The queue's job: begin to write an answer, and return at once, so that the queue's places stay free."""
        uid = ids.parse(message)
        if uid is not None:
            await self._take(uid)

    async def adopt(self, message: uuid.UUID) -> None:
        """Write an answer here, however many there are: its run is one of this process's."""
        if message not in self._writing:
            await self._begin(message)

    async def ended(self, message: uuid.UUID, seconds: float) -> bool:
        """Whether this process has stopped writing an answer within these seconds; True where it does not write it."""
        entry = self._writing.get(message)
        if entry is None:
            return True
        done, _ = await asyncio.wait([entry[2]], timeout=seconds)
        return bool(done)

    async def run(self) -> None:
        """Renew leases, hear of cancellations, and take up what no process writes, until cancelled. Then what is left goes to others."""
        next_look, seconds = 0.0, self._lease.total_seconds()
        try:
            while True:
                with contextlib.suppress(*DATABASE_UNAVAILABLE):
                    if self._writing:
                        await self._renew()
                    if clock.seconds() >= self._looks_for_parked_at:
                        await self._wake_parked()
                    if clock.seconds() >= next_look or self._room.is_set():
                        self._room.clear()
                        next_look = clock.seconds() + seconds / LOOKS
                        await self._take_up()
                await asyncio.sleep(min(seconds / RENEWALS, MOST_RENEWAL))
        finally:
            await self._give_back()

    async def _wake_parked(self) -> None:
        # One that is parked here meanwhile brings the next look forward.
        self._looks_for_parked_at = math.inf
        look = await parking.wake(self._database)
        wait = 0.0 if look.is_any_parked else UNPARKED_SECONDS
        self._looks_for_parked_at = min(self._looks_for_parked_at, clock.seconds() + wait)
        if look.is_any_woken:
            self._room.set()

    async def _take(self, message: uuid.UUID) -> None:
        if message not in self._writing and len(self._writing) < MOST:
            await self._begin(message)

    async def _begin(self, message: uuid.UUID) -> None:
        claimed = await retry_until_available("claiming an answer", lambda: self._claim(message))
        if claimed is None:
            return
        answer = Answer(self._services, claimed, message, self._owner)
        task = asyncio.create_task(self._write(message, answer), name=f"answer {message}")
        self._writing[message] = (claimed, answer, task)

    async def _claim(self, message: uuid.UUID) -> uuid.UUID | None:
        """The workspace of an answer that is now this process's; None where it has ended or another one writes it."""
        now = clock.now()
        async with self._database.session(ALL_WORKSPACES) as db:
            workspace = await db.scalar(
                update(Message)
                .where(
                    Message.uuid == message,
                    Message.type == "assistant",
                    Message.status.in_(UNFINISHED),
                    or_(Message.leased_until.is_(None), Message.leased_until < now),
                )
                .values(owner=self._owner, leased_until=now + self._lease, awaits=None)
                .returning(Message.workspace_uuid)
            )
            if workspace is not None:
                await db.execute(update(Message).where(Message.uuid == message, Message.status == "pending").values(status="generating"))
            await db.commit()
            return workspace

    async def _write(self, message: uuid.UUID, answer: Answer) -> None:
        try:
            await answer.write()
        except* AnswerLost:
            _log.info("another process writes an answer now", message=str(message))
        except* DATABASE_UNAVAILABLE as error:
            # The lease runs out, and it is taken up again.
            _log.warning("the database was away while an answer was written", message=str(message), cause=str(error.exceptions[0])[:200])
        except* Exception:
            _log.exception("an answer broke", message=str(message))
            with contextlib.suppress(AnswerLost, *DATABASE_UNAVAILABLE):
                await answer.broken()
        finally:
            self._writing.pop(message, None)
            self._room.set()
            self._ended.set()
            self._looks_for_parked_at = 0.0

    async def _renew(self) -> None:
        mine = list(self._writing)
        async with self._database.session(ALL_WORKSPACES) as db:
            rows = await db.execute(
                update(Message)
                .where(Message.uuid.in_(mine), Message.owner == self._owner, Message.finished_at.is_(None))
                .values(leased_until=clock.now() + self._lease)
                .returning(Message.uuid, Message.status)
            )
            statuses = {row[0]: row[1] for row in rows}
            await db.commit()
        for message in mine:
            entry = self._writing.get(message)
            if entry is None:
                continue
            _, answer, task = entry
            if statuses.get(message) == "generating":
                continue
            await tasks.cancel(task)
            if statuses.get(message) == "cancelling":
                with contextlib.suppress(AnswerLost):
                    await answer.cancelled()

    async def _take_up(self) -> None:
        """Claim what no process writes, of each workspace no more than its share."""
        room = MOST - len(self._writing)
        if room <= 0:
            return
        async with self._database.session(ALL_WORKSPACES) as db:
            rows = await db.execute(
                select(Message.uuid, Message.workspace_uuid)
                .where(
                    Message.type == "assistant",
                    Message.status.in_(UNFINISHED),
                    or_(Message.leased_until.is_(None), Message.leased_until < clock.now()),
                )
                .order_by(Message.uuid)
                .limit(4 * MOST)
            )
            waiting = [(row[0], row[1]) for row in rows]
        share = Counter(workspace for workspace, _, _ in self._writing.values())
        for message, workspace in waiting:
            if len(self._writing) >= MOST:
                return
            if share[workspace] < MOST_OF_WORKSPACE:
                share[workspace] += 1
                await self._take(message)

    async def _give_back(self) -> None:
        """Let others take up at once what this process does not finish."""
        writing = list(self._writing.items())
        for _, (_, _, task) in writing:
            await tasks.cancel(task)
        with contextlib.suppress(*DATABASE_UNAVAILABLE):
            async with self._database.session(ALL_WORKSPACES) as db:
                given = update(Message).where(Message.owner == self._owner, Message.finished_at.is_(None))
                await db.execute(given.values(owner=None, leased_until=None))
                await db.commit()
