"""Lease: until when one answer is this process's to write. Before a language model is asked it is made sure of."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import update

from cargo_ai.domains.ai.tables import Message
from cargo_ai.kernel import clock
from cargo_ai.store.session import ALL_WORKSPACES, Database


class AnswerLost(Exception):
    """Another process writes the answer now."""


class Leases:
    """The leases of one process, which is `owner`; they are renewed together, on a connection of their own: the process's others may all
    be taken for longer than a lease."""

    def __init__(self, url: str, owner: uuid.UUID, length: timedelta) -> None:
        self.owner, self.length = owner, length
        self._database = Database(url, name=f"cargo-ai answers {owner}", pool_size=1, overflow=0)

    async def renew(self, messages: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
        """Renew the leases of unfinished answers; the status of each that is still this process's."""
        async with self._database.session(ALL_WORKSPACES) as db:
            rows = await db.execute(
                update(Message)
                .where(Message.uuid.in_(messages), Message.owner == self.owner, Message.finished_at.is_(None))
                .values(leased_until=clock.now() + self.length)
                .returning(Message.uuid, Message.status)
            )
            statuses = {row[0]: row[1] for row in rows}
            await db.commit()
        return statuses

    async def close(self) -> None:
        """Close the connection."""
        await self._database.close()


class Lease:
    """The lease of one answer. It begins when it is made, which is before the statement that claims the answer."""

    def __init__(self, leases: Leases, message: uuid.UUID) -> None:
        self._leases, self._message = leases, message
        self._until = 0.0
        self.begins_at(clock.seconds())

    def begins_at(self, seconds: float) -> None:
        """It was renewed by a statement that was sent at this time of the monotonic clock."""
        self._until = seconds + self._leases.length.total_seconds()

    async def hold(self) -> None:
        """Return while at least half of it is left; renewed where that is not so. AnswerLost where another process has the answer."""
        if self._until - clock.seconds() > self._leases.length.total_seconds() / 2:
            return
        asked_at = clock.seconds()
        if self._message not in await self._leases.renew([self._message]):
            raise AnswerLost
        self.begins_at(asked_at)
