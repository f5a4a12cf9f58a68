"""Notifications of PostgreSQL: one LISTEN connection per process, opened again whenever it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import psycopg
from psycopg import AsyncConnection, sql

from cargo_ai.kernel import log

IDLE_CHECK_SECONDS = 20.0
LONGEST_BACKOFF_SECONDS = 5.0

_log = log.get(__name__)


class Notifications:
    """What comes over channels. `on_gap`: called when notifications may have been missed, as when the connection is new."""

    def __init__(self, url: str, name: str, channels: Mapping[str, Callable[[str], None]], on_gap: Callable[[], None]) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._name, self._channels, self._on_gap = name, channels, on_gap
        self.connected = False

    async def listen(self) -> None:
        """Hand on what comes, until cancelled; a database that does not answer is tried again."""
        pause = 0.1
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError, TimeoutError) as error:
                _log.warning("the signal channel was lost", name=self._name, error=str(error).strip(), again_in=pause)
            pause = 0.1 if self.connected else min(pause * 2, LONGEST_BACKOFF_SECONDS)
            self.connected = False
            self._on_gap()
            await asyncio.sleep(pause)

    async def _listen_once(self) -> None:
        connection = await AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5, application_name=self._name)
        async with connection:
            for channel in self._channels:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self.connected = True
            # A new connection has missed the notifications in between.
            self._on_gap()
            while True:
                async for note in connection.notifies(timeout=IDLE_CHECK_SECONDS):
                    self._channels[note.channel](note.payload)
                # A connection that is dead but not closed shows only when it is used.
                async with asyncio.timeout(5):
                    await connection.execute("SELECT 1")
