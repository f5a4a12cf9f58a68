"""Signals: who waits for the end of which run, batch or message, woken by one LISTEN connection per process."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import AsyncConnection

from cargo_ai.kernel import log

CHANNEL = "cargo_done"
"""The channel of `NOTIFY`; the payload is the uuid of what finished, as text."""

IDLE_CHECK_SECONDS = 20.0
RECHECK_SECONDS = 5.0
RECHECK_BLIND_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 5.0

_log = log.get(__name__)


class Waiter:
    """One waiter's view of one uuid."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Something happened, or may have happened."""
        self._event.set()

    async def changed(self, timeout: float) -> bool:
        """Whether it rang within `timeout` seconds; a ring from before the call counts once."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Signals:
    """Waiters by uuid. They hold no database connection; a lost channel only makes them look more often."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._watches: dict[str, set[Waiter]] = {}
        self._task: asyncio.Task[None] | None = None
        self.connected = False
        self.released = False

    @property
    def recheck_seconds(self) -> float:
        """How long a waiter trusts the channel before it looks by itself."""
        return RECHECK_SECONDS if self.connected else RECHECK_BLIND_SECONDS

    async def open(self) -> None:
        """Begin to listen, in the background: a database that is away is asked again and again."""
        self._task = asyncio.create_task(self._listen(), name="signals")

    async def close(self) -> None:
        """End all waits and give the connection back."""
        self.release()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def release(self) -> None:
        """Send every waiter home with what it has; later waits end at once. Call it when the process is told to stop."""
        self.released = True
        self._ring_all()

    @contextmanager
    def watch(self, key: str) -> Generator[Waiter]:
        """Listen for one uuid while the block lasts."""
        watch = Waiter()
        self._watches.setdefault(key, set()).add(watch)
        try:
            yield watch
        finally:
            left = self._watches[key]
            left.discard(watch)
            if not left:
                del self._watches[key]

    @property
    def waiting(self) -> int:
        """How many waiters there are now."""
        return sum(len(watches) for watches in self._watches.values())

    def _ring_all(self) -> None:
        for watches in self._watches.values():
            for watch in watches:
                watch.ring()

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError, TimeoutError) as error:
                _log.warning("the signal channel was lost", error=str(error).strip(), again_in=pause)
            # A fresh connection has missed what was said meanwhile, and so has a lost one: everybody looks.
            pause = 0.1 if self.connected else min(pause * 2, LONGEST_BACKOFF_SECONDS)
            self.connected = False
            self._ring_all()
            await asyncio.sleep(pause)

    async def _listen_once(self) -> None:
        link = await AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5, application_name="cargo-ai signals")
        async with link:
            await link.execute("LISTEN cargo_done")
            self.connected = True
            self._ring_all()
            while True:
                async for note in link.notifies(timeout=IDLE_CHECK_SECONDS):
                    for watch in self._watches.get(note.payload, ()):
                        watch.ring()
                # A connection that died silently never says so by itself.
                async with asyncio.timeout(5):
                    await link.execute("SELECT 1")
