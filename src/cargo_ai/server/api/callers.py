"""Callers by their tokens: remembered for a second, and forgotten as soon as tokens, roles or memberships change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Caller
from cargo_ai.domains.workspace import public
from cargo_ai.kernel import clock
from cargo_ai.kernel.secrets import hash_token
from cargo_ai.server.api.transaction import transact
from cargo_ai.store.session import ALL_WORKSPACES, Database

CHANNEL = "cargo_access"
"""The channel on which triggers say that tokens, memberships or roles have changed."""

SECONDS = 1.0
"""How long a caller is remembered where no notification arrives: what was revoked never works for longer."""

MAX = 10_000


@dataclass(slots=True)
class Callers:
    """The callers of one process. `hears`: whether it would hear of changes now; else, and for an unknown token, it looks each time."""

    database: Database
    hears: Callable[[], bool]
    _known: dict[str, tuple[Caller, float]] = field(default_factory=dict[str, "tuple[Caller, float]"])
    """Each with the time (monotonic seconds) until which it counts."""
    _asked: dict[str, asyncio.Task[Caller | None]] = field(default_factory=dict[str, "asyncio.Task[Caller | None]"])

    async def of(self, token: str) -> Caller | None:
        """The caller that a token stands for; None for one that does not work."""
        if not self.hears():
            return await self._match(token)
        key = hash_token(token)
        caller, until = self._known.get(key, (None, 0.0))
        if caller is not None and clock.seconds() < until and (caller.token_ends is None or clock.now() < caller.token_ends):
            return caller
        # Requests that come meanwhile wait for the same look.
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._look_up(key, token), name="caller")
            asked.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(asked)

    def forget(self) -> None:
        """Look everyone up again: someone's access has, or may have, changed. A look under way is joined by no one any more."""
        self._known.clear()
        self._asked.clear()

    async def _look_up(self, key: str, token: str) -> Caller | None:
        until = clock.seconds() + SECONDS
        caller = await self._match(token)
        if caller is None:
            self._known.pop(key, None)
        elif self._asked.get(key) is asyncio.current_task():
            if len(self._known) >= MAX:
                self._known.clear()
            self._known[key] = caller, until
        return caller

    def _end(self, key: str, asked: asyncio.Task[Caller | None]) -> None:
        if self._asked.get(key) is asked:
            del self._asked[key]
        if not asked.cancelled():
            asked.exception()  # those who wait have it; there may be no one left

    async def _match(self, token: str) -> Caller | None:
        return await transact(self.database, ALL_WORKSPACES, lambda db: _caller_of(db, token))


async def _caller_of(db: AsyncSession, token: str) -> Caller | None:
    # One statement: a transaction would cost two more round trips.
    await db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    return await public.authenticate(db, token)
