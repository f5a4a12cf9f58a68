"""Leases: until when this process may write one answer; checked before each call of a language model."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta

from cargo_ai.kernel import clock
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

# In one order for all that lock many answers, so that they do not wait for each other forever.
RENEW = """
with mine as (select uuid from messages where uuid = any(%s) and owner = %s and finished_at is null order by uuid for update)
update messages m set leased_until = %s from mine where m.uuid = mine.uuid returning m.uuid, m.status
"""


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
            connection = await driver_connection(db)
            renewed = await connection.execute(RENEW, (list(messages), self.owner, clock.now() + self.length))
            statuses = dict(await renewed.fetchall())
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
