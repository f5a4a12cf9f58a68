"""Completion signals: wake requests that wait for a run, a batch or a message, from one LISTEN connection per process."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import AsyncConnection

from cargo_ai.kernel import log, tasks

CHANNEL = "cargo_done"
"""The channel of `NOTIFY`; the payload is the uuid of what finished, as text."""

IDLE_CHECK_SECONDS = 20.0
RECHECK_SECONDS = 5.0
RECHECK_BLIND_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 5.0

_log = log.get(__name__)


class Waiter:
    """One request that waits for one uuid."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        """Something happened, or may have happened."""
        self._event.set()

    async def changed(self, timeout: float) -> bool:
        """Whether it was woken within `timeout` seconds; a wake from before the call counts once."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Signals:
    """Waiters by uuid. They hold no database connection; while the LISTEN connection is lost they only poll more often."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._waiters: dict[str, set[Waiter]] = {}
        self._task: asyncio.Task[None] | None = None
        self.connected = False
        self.released = False

    @property
    def recheck_seconds(self) -> float:
        """How long a waiter relies on the channel before it polls."""
        return RECHECK_SECONDS if self.connected else RECHECK_BLIND_SECONDS

    async def open(self) -> None:
        """Start listening in the background; a database that does not answer is tried again."""
        self._task = asyncio.create_task(self._listen(), name="signals")

    async def close(self) -> None:
        """End all waits and give the connection back."""
        self.release()
        if self._task is not None:
            await tasks.cancel(self._task)
            self._task = None

    def release(self) -> None:
        """End every wait now and each later one at once. Called when the process begins to stop."""
        self.released = True
        self._wake_all()

    @contextmanager
    def wait_for(self, key: str) -> Generator[Waiter]:
        """Listen for one uuid while the block lasts."""
        waiter = Waiter()
        self._waiters.setdefault(key, set()).add(waiter)
        try:
            yield waiter
        finally:
            left = self._waiters[key]
            left.discard(waiter)
            if not left:
                del self._waiters[key]

    @property
    def waiting(self) -> int:
        """How many waiters there are now."""
        return sum(len(waiters) for waiters in self._waiters.values())

    def _wake_all(self) -> None:
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.wake()

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError, TimeoutError) as error:
                _log.warning("the signal channel was lost", error=str(error).strip(), again_in=pause)
            # A new connection has missed the notifications in between, so every waiter polls once.
            pause = 0.1 if self.connected else min(pause * 2, LONGEST_BACKOFF_SECONDS)
            self.connected = False
            self._wake_all()
            await asyncio.sleep(pause)

    async def _listen_once(self) -> None:
        connection = await AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5, application_name="cargo-ai signals")
        async with connection:
            await connection.execute("LISTEN cargo_done")
            self.connected = True
            self._wake_all()
            while True:
                async for note in connection.notifies(timeout=IDLE_CHECK_SECONDS):
                    for waiter in self._waiters.get(note.payload, ()):
                        waiter.wake()
                # A connection that is dead but not closed shows only when it is used.
                async with asyncio.timeout(5):
                    await connection.execute("SELECT 1")
