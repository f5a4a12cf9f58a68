"""Notifications of PostgreSQL: one LISTEN connection for all who listen in a process, opened again whenever it is lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection, Notify, sql

from cargo_ai.kernel import log, tasks

IDLE_CHECK_SECONDS = 30.0
ANSWER_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 5.0

_log = log.get(__name__)


class Listener:
    """What arrives on a connection that listens. Psycopg's own way looks ten times a second whether it was cancelled."""

    def __init__(self, link: AsyncConnection[Any]) -> None:
        self._link = link
        self._arrived = deque[Notify]()
        self._readable: asyncio.Event | None = None
        link.add_notify_handler(self._arrived.append)

    async def listen(self, channel: str) -> None:
        """Hear this channel, too."""
        await self._link.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))

    async def next(self, seconds: float | None = None) -> Sequence[Notify]:
        """What has arrived since the last call, as soon as that is something; nothing when the time is over."""
        if not self._arrived:
            await self._wait(seconds)
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

    def interrupt(self) -> None:
        """End a `next` that waits, with nothing."""
        if self._readable is not None:
            self._readable.set()

    async def _wait(self, seconds: float | None) -> None:
        loop, socket = asyncio.get_running_loop(), self._link.fileno()
        readable = self._readable = asyncio.Event()
        loop.add_reader(socket, readable.set)
        try:
            async with asyncio.timeout(seconds):
                await readable.wait()
        except TimeoutError:
            return
        finally:
            self._readable = None
            loop.remove_reader(socket)
        self._link.pgconn.consume_input()
        while (note := self._link.pgconn.notifies()) is not None:
            self._arrived.append(Notify(note.relname.decode(), note.extra.decode(), note.be_pid))


@dataclass(eq=False, slots=True)
class _Hearer:
    channels: Mapping[str, Callable[[str], None]]
    on_gap: Callable[[], None]
    has_begun: bool = False
    """Whether its channels are heard on the present connection."""


class Notifications:
    """What comes over channels. All that listen share one connection, which is open while any does."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._name = name
        self._hearers: list[_Hearer] = []
        self._connecting: asyncio.Task[None] | None = None
        self._listener: Listener | None = None
        self.connected = False

    async def listen(self, channels: Mapping[str, Callable[[str], None]], on_gap: Callable[[], None]) -> None:
        """Hand on what comes, until cancelled; a database that does not answer is tried again.

        `on_gap`: called when notifications may have been missed, as when the connection is new.
        """
        hearer = _Hearer(channels, on_gap)
        self._hearers.append(hearer)
        try:
            if self._connecting is None or self._connecting.done():
                self._connecting = asyncio.create_task(self._connect(), name=self._name)
            elif self._listener is not None:
                self._listener.interrupt()
            await asyncio.wait([self._connecting])
            await self._connecting
        finally:
            self._hearers.remove(hearer)
            if not self._hearers and self._connecting is not None:
                ending, self._connecting = self._connecting, None
                await tasks.cancel(ending)

    async def _connect(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError, TimeoutError) as error:
                _log.warning("the signal channel was lost", name=self._name, error=str(error).strip(), again_in=pause)
            pause = 0.1 if self.connected else min(pause * 2, LONGEST_BACKOFF_SECONDS)
            self.connected = False
            for hearer in list(self._hearers):
                hearer.on_gap()
            await asyncio.sleep(pause)

    async def _listen_once(self) -> None:
        connection = await AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5, application_name=self._name)
        async with connection:
            self._listener = listener = Listener(connection)
            for hearer in self._hearers:
                hearer.has_begun = False
            heard = set[str]()
            try:
                while True:
                    await self._begin(listener, heard)
                    notes = await listener.next(IDLE_CHECK_SECONDS)
                    for note in notes:
                        self._hand_on(note)
                    if not notes:
                        await listener.check()
            finally:
                self._listener = None

    async def _begin(self, listener: Listener, heard: set[str]) -> None:
        """Listen to what those who have come since the last time want to hear, too. They have missed what was before."""
        while came := [hearer for hearer in self._hearers if not hearer.has_begun]:
            for channel in {channel for hearer in came for channel in hearer.channels} - heard:
                await listener.listen(channel)
                heard.add(channel)
            self.connected = True
            for hearer in came:
                hearer.has_begun = True
                hearer.on_gap()

    def _hand_on(self, note: Notify) -> None:
        for hearer in list(self._hearers):
            if (hear := hearer.channels.get(note.channel)) is not None:
                try:
                    hear(note.payload)
                except Exception:
                    # It must not keep the others from hearing.
                    _log.exception("a notification could not be taken in", channel=note.channel)
