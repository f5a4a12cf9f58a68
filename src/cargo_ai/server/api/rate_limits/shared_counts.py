"""Shared counts: what one API process of a server has counted for rate limits, the others learn by a notification, moments later."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cargo_ai.kernel import ids, log
from cargo_ai.server.api.rate_limits.rate_limit import Hear, Tell
from cargo_ai.server.api.signals import COUNTS, Signals
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

PAUSE_SECONDS = 0.05
"""How long counts wait for others that go with them."""
MAX_KEY = 100
MAX_WAITING = 10_000
MAX_BYTES = 7_000
"""PostgreSQL takes a notification below 8,000."""

_TELL = "select pg_notify(%(channel)s, note) from unnest(%(notes)s::text[]) as note"
_log = log.get(__name__)


class SharedCounts:
    """One per API process. `several`: whether the server has others; else nothing is shared."""

    def __init__(self, database: Database, signals: Signals, *, several: bool) -> None:
        self._database, self._several = database, several
        self._itself = ids.new().hex
        self._hear: dict[str, Hear] = {}
        self._waiting: dict[tuple[str, str], tuple[int, float, float]] = {}
        self._telling: asyncio.Task[None] | None = None
        if several:
            signals.on_counts(self._on_note)
            database.before_close(self._end)

    def share(self, name: str, hear: Hear) -> Tell | None:
        """What tells the others of a limit's counts, while `hear` is called with theirs."""
        if not self._several:
            return None
        self._hear[name] = hear
        return lambda key, amount, most, seconds: self._tell(name, key, amount, most, seconds)

    def _tell(self, name: str, key: str, amount: int, most: float, seconds: float) -> None:
        if len(key) > MAX_KEY or len(self._waiting) >= MAX_WAITING:
            return
        counted, _, _ = self._waiting.get((name, key), (0, most, seconds))
        self._waiting[name, key] = counted + amount, most, seconds
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_all(), name="shared counts")

    async def _tell_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(PAUSE_SECONDS)
            notes = list(self._notes())
            try:
                async with self._database.session(ALL_WORKSPACES) as db:
                    await db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
                    await (await driver_connection(db)).execute(_TELL, {"channel": COUNTS, "notes": notes})
            except (DBAPIError, PoolTimeout, psycopg.Error, OSError) as error:
                # What is counted is the same for who is alone: each process goes on with its own.
                _log.warning("the other API processes did not hear what was counted", error=str(error).strip())

    def _notes(self) -> Iterator[str]:
        """What waits, in notes that PostgreSQL takes; nothing waits then."""
        waiting, self._waiting = self._waiting, {}
        parts: list[str] = []
        size = 0
        for (name, key), (amount, most, seconds) in waiting.items():
            part = json.dumps([name, key, amount, most, seconds])
            if parts and size + len(part) > MAX_BYTES:
                yield self._note(parts)
                parts, size = [], 0
            parts.append(part)
            size += len(part) + 1
        yield self._note(parts)

    def _note(self, parts: list[str]) -> str:
        return f'["{self._itself}",[{",".join(parts)}]]'

    def _on_note(self, note: str) -> None:
        teller, counted = json.loads(note)
        if teller == self._itself:
            return
        for name, key, amount, most, seconds in counted:
            hear = self._hear.get(name)
            if hear is not None:
                hear(key, amount, most, seconds)

    async def _end(self) -> None:
        self._waiting.clear()
        if self._telling is not None:
            await asyncio.wait([self._telling])
