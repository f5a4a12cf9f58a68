"""The answers that this process writes: claimed, kept by a lease that is renewed, taken up where another process has died."""

from __future__ import annotations

import asyncio
import contextlib
import math
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, case, func, or_, select, update

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.chats.answering import parking
from cargo_ai.domains.ai.chats.answering.answer import Answer
from cargo_ai.domains.ai.chats.answering.ended import Ended
from cargo_ai.domains.ai.chats.answering.lease import AnswerLost, Lease, Leases
from cargo_ai.domains.ai.chats.answering.origin import Origin
from cargo_ai.domains.ai.tables import Message
from cargo_ai.engine.dispatch.timers.lookout import Lookout
from cargo_ai.kernel import clock, ids, log, tasks
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.session import ALL_WORKSPACES

MAX = 100
"""Answers that one process writes at once; they mostly wait for others."""
MAX_OF_WORKSPACE = 50
RENEWALS, LOOKS = 6, 3
"""How often within a lease it is renewed, and how often this process looks for answers that no process writes."""
MAX_RENEWAL = 3.0
"""Seconds: so soon an answer that is cancelled is at an end, and one goes on that waited for a run."""
AGAIN_SECONDS = 1.0
"""Until an answer goes on that found the database away."""
UNPARKED_SECONDS = 12.0
"""How often it is looked for answers that wait, while there are none."""
UNFINISHED = ("pending", "generating", "cancelling")

_log = log.get(__name__)


class _Writing(NamedTuple):
    """An answer that is being written."""

    workspace: uuid.UUID
    answer: Answer
    task: asyncio.Task[None]
    has_place: bool
    """It was taken for want of another process. Those of runs are as many as their batches have under way."""


class Answers:
    """One per process."""

    def __init__(self, services: Services) -> None:
        self._services, self._database = services, services.database
        self.owner = ids.new()
        self.lease = timedelta(seconds=services.settings.stalled_after)
        self._leases = Leases(services.database.url, self.owner, self.lease)
        self._writing: dict[uuid.UUID, _Writing] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._ended = services.once(Ended, Ended)
        self._lookout = services.once(Lookout, Lookout)
        self._may_be_parked, self._looked_for_parked_at = False, -math.inf
        self._busy = asyncio.Event()
        """Set while something is written."""

    async def start(self, message: str, workspace: str = "") -> None:
        """The queue's job: begin to write an answer, and return at once, so that the queue's places stay free. Where there is no room, it
        is taken up when there is."""
        uid, of = ids.parse(message), ids.parse(workspace)
        shares = self._shares()
        if uid is not None and uid not in self._writing and shares.total() < MAX and (of is None or shares[of] < MAX_OF_WORKSPACE):
            await self._begin(uid)

    async def adopt(self, message: uuid.UUID) -> None:
        """Write an answer here, however many there are: its run is one of this process's."""
        if message not in self._writing:
            await self._begin(message, has_place=False)

    def write(
        self, workspace: uuid.UUID, message: uuid.UUID, lease: Lease, begins_from: Origin | None = None, *, has_place: bool = False
    ) -> Answer:
        """Write an answer that was stored as claimed by this process. begins_from: what it is written from, where that is known."""
        answer = Answer(self._services, workspace, message, self.owner, lease, begins_from)
        task = asyncio.create_task(self._write(message, answer), name=f"answer {message}")
        self._writing[message] = _Writing(workspace, answer, task, has_place)
        self._busy.set()
        return answer

    def new_lease(self, message: uuid.UUID) -> Lease:
        """A lease that begins now, for an answer that is about to be claimed."""
        return Lease(self._leases, message)

    async def ended(self, message: uuid.UUID, seconds: float) -> bool:
        """Whether this process has stopped writing an answer within these seconds; True where it does not write it."""
        entry = self._writing.get(message)
        if entry is None:
            return True
        done, _ = await asyncio.wait([entry.task], timeout=seconds)
        return bool(done)

    async def run(self) -> None:
        """Renew leases, hear of cancellations, and take up what no process writes, until cancelled. Then what is left goes to others."""
        # By itself: claiming many answers may take longer than a lease.
        renewing = asyncio.create_task(self._keep(), name="leases of answers")
        renewing.add_done_callback(lambda _: self._busy.set())
        looked_at, seconds = -math.inf, self.lease.total_seconds() / LOOKS
        try:
            while not renewing.done():
                if not self._writing:
                    self._busy.clear()
                with contextlib.suppress(*DATABASE_UNAVAILABLE):
                    if self._may_be_parked or self._is_due(self._looked_for_parked_at, UNPARKED_SECONDS):
                        await self._wake_parked()
                    if self._room.is_set() or self._is_due(looked_at, seconds):
                        self._room.clear()
                        looked_at = clock.seconds()
                        await self._take_up()
                await self._rest(renewing, looked_at + seconds)
            await renewing
        finally:
            await tasks.cancel(renewing, *self._ending)
            await self._give_back()
            await self._leases.close()

    async def _rest(self, renewing: asyncio.Task[None], look_at: float) -> None:
        """Wait for the next look; where nothing is written and nothing waits, until something is, or this process looks for all."""
        if self._writing or self._may_be_parked or self._room.is_set():
            await asyncio.wait([renewing], timeout=self._pause)
        else:
            next_look = min(look_at, self._looked_for_parked_at + UNPARKED_SECONDS)
            await self._lookout.wait(self._busy, self._lookout.longest(max(self._pause, next_look - clock.seconds())))

    @property
    def _pause(self) -> float:
        return min(self.lease.total_seconds() / RENEWALS, MAX_RENEWAL)

    def _is_due(self, looked_at: float, seconds: float) -> bool:
        """Whether to look again. A process that writes nothing leaves it to the one that looks for all."""
        return (bool(self._writing) or self._lookout.leads) and clock.seconds() >= looked_at + seconds

    async def _keep(self) -> None:
        """Renew the leases again and again, while something is written."""
        while True:
            await self._busy.wait()
            await asyncio.sleep(self._pause)
            if self._writing:
                with contextlib.suppress(*DATABASE_UNAVAILABLE):
                    await self._renew()

    async def _wake_parked(self) -> None:
        # One that is parked here meanwhile is looked for again.
        self._may_be_parked, self._looked_for_parked_at = False, clock.seconds()
        look = await parking.wake(self._database)
        self._may_be_parked |= look.is_any_parked
        if look.is_any_woken:
            self._room.set()

    def _shares(self) -> Counter[uuid.UUID]:
        """How many of the places each workspace has."""
        return Counter(entry.workspace for entry in self._writing.values() if entry.has_place)

    async def _begin(self, *messages: uuid.UUID, has_place: bool = True) -> None:
        """Claim answers, and write those that are now this process's."""
        leases = {message: self.new_lease(message) for message in messages}
        claimed = await retry_until_available("claiming answers", lambda: self._claim(messages))
        for message, workspace in claimed.items():
            self.write(workspace, message, leases[message], has_place=has_place)

    async def _claim(self, messages: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
        """The answers that are now this process's, with their workspaces; others have ended, or another process writes them."""
        now = clock.now()
        # Of many, one that another transaction holds is left for the next look.
        free = select(Message.uuid).where(Message.uuid.in_(messages), *_free(now)).with_for_update(skip_locked=len(messages) > 1)
        status = case((Message.status == "pending", "generating"), else_=Message.status)
        claim = (
            update(Message)
            .where(Message.uuid.in_(free))
            .values(owner=self.owner, leased_until=now + self.lease, awaits=None, status=status)
        )
        async with self._database.session(ALL_WORKSPACES) as db:
            rows = await db.execute(claim.returning(Message.uuid, Message.workspace_uuid))
            claimed = {row[0]: row[1] for row in rows}
            await db.commit()
            return claimed

    async def _write(self, message: uuid.UUID, answer: Answer) -> None:
        try:
            while not await self._attempt(message, answer):  # noqa: ASYNC110 - a database that is away tells no one
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            self._writing.pop(message, None)
            self._room.set()
            if answer.has_afterwards:
                self._ended.set()
            self._may_be_parked = True

    async def _attempt(self, message: uuid.UUID, answer: Answer) -> bool:
        """Write an answer from where it is stored; whether there is nothing left to do for this process."""
        is_left = True
        try:
            await answer.write()
        except* AnswerLost:
            _log.info("another process writes an answer now", message=str(message))
        except* DATABASE_UNAVAILABLE as error:
            _log.warning("no database while an answer was written", message=str(message), cause=str(error.exceptions[0])[:200])
            is_left = False
        except* Exception:
            _log.exception("an answer broke", message=str(message))
            with contextlib.suppress(AnswerLost, *DATABASE_UNAVAILABLE):
                await answer.broken()
        return is_left

    async def _renew(self) -> None:
        renewed_at, mine = clock.seconds(), list(self._writing)
        statuses = await self._leases.renew(mine)
        for message in mine:
            entry = self._writing.get(message)
            if entry is None:
                continue
            status = statuses.get(message)
            if status is not None:
                entry.answer.lease.begins_at(renewed_at)
            if status != "generating":
                ending = asyncio.create_task(self._stop(entry, status == "cancelling"), name=f"ending of answer {message}")
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)

    async def _stop(self, entry: _Writing, is_cancelled: bool) -> None:
        """Write an answer no further: it was cancelled, or is another process's now."""
        await tasks.cancel(entry.task)
        if is_cancelled:
            with contextlib.suppress(AnswerLost, *DATABASE_UNAVAILABLE):
                await entry.answer.cancelled()

    async def _take_up(self) -> None:
        """Claim what no process writes, of each workspace no more than its share."""
        share = self._shares()
        room = MAX - share.total()
        if room <= 0:
            return
        of_workspace = func.row_number().over(partition_by=Message.workspace_uuid, order_by=Message.uuid).label("number")
        numbered = select(Message.uuid, Message.workspace_uuid, of_workspace).where(*_free(clock.now())).subquery()
        waiting = select(numbered.c.uuid, numbered.c.workspace_uuid).where(numbered.c.number <= MAX).order_by(numbered.c.uuid)
        async with self._database.session(ALL_WORKSPACES) as db:
            rows = [(row[0], row[1]) for row in await db.execute(waiting)]
        chosen: list[uuid.UUID] = []
        for message, workspace in rows:
            if len(chosen) < room and share[workspace] < MAX_OF_WORKSPACE and message not in self._writing:
                share[workspace] += 1
                chosen.append(message)
        if chosen:
            await self._begin(*chosen)

    async def _give_back(self) -> None:
        """Let others take up at once what this process does not finish."""
        await tasks.cancel(*(entry.task for entry in self._writing.values()))
        with contextlib.suppress(*DATABASE_UNAVAILABLE):
            async with self._database.session(ALL_WORKSPACES) as db:
                mine = select(Message.uuid).where(Message.owner == self.owner, Message.finished_at.is_(None))
                given = update(Message).where(Message.uuid.in_(mine.order_by(Message.uuid).with_for_update()))
                await db.execute(given.values(owner=None, leased_until=None))
                await db.commit()


def _free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Of answers that are not at an end: no process writes them."""
    unleased = or_(Message.leased_until.is_(None), Message.leased_until < now)
    return Message.type == "assistant", Message.status.in_(UNFINISHED), unleased
