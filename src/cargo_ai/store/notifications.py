"""Notifications of PostgreSQL: one LISTEN connection per process, opened again whenever it is lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection, Notify, sql

from cargo_ai.kernel import log

IDLE_CHECK_SECONDS = 30.0
ANSWER_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 5.0

_log = log.get(__name__)


class Listener:
    """What arrives on a connection that listens. Psycopg's own way looks ten times a second whether it was cancelled."""

    def __init__(self, link: AsyncConnection[Any]) -> None:
        self._link = link
        self._arrived = deque[Notify]()
        link.add_notify_handler(self._arrived.append)

    async def listen(self, channel: str) -> None:
        """Hear this channel, too."""
        await self._link.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))

    async def next(self, seconds: float | None = None) -> Sequence[Notify]:
        """What has arrived since the last call, as soon as that is something; nothing when the time is over."""
        if not self._arrived:
            await self._readable(seconds)
        notes = list(self._arrived)
        self._arrived.clear()
        return notes

    async def check(self) -> None:
        """Use the connection: one that is dead but not closed shows only then. Raises OperationalError."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._link.execute("select 1")
        except TimeoutError:
            raise psycopg.OperationalError("the connection for notifications does not answer") from None

    async def _readable(self, seconds: float | None) -> None:
        loop, readable, socket = asyncio.get_running_loop(), asyncio.Event(), self._link.fileno()
        loop.add_reader(socket, readable.set)
        try:
            async with asyncio.timeout(seconds):
                await readable.wait()
        except TimeoutError:
            return
        finally:
            loop.remove_reader(socket)
        self._link.pgconn.consume_input()
        while (note := self._link.pgconn.notifies()) is not None:
            self._arrived.append(Notify(note.relname.decode(), note.extra.decode(), note.be_pid))


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
            listener = Listener(connection)
            for channel in self._channels:
                await listener.listen(channel)
            self.connected = True
            # A new connection has missed the notifications in between.
            self._on_gap()
            while True:
                notes = await listener.next(IDLE_CHECK_SECONDS)
                for note in notes:
                    self._channels[note.channel](note.payload)
                if not notes:
                    await listener.check()
