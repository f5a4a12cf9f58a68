"""Completion signals: wake requests that wait for a run, a batch or a message, from one LISTEN connection per process."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager

from cargo_ai.kernel import clock, tasks
from cargo_ai.server.api import callers
from cargo_ai.store.connections.notifications import Notifications

CHANNEL = "cargo_done"
"""The channel of `NOTIFY`; the payload is the uuid of what finished, as text."""

LIVE = "cargo_live"
"""The channel of what answers say while they are written."""

COUNTS = "cargo_counts"
"""The channel of what API processes have counted for rate limits."""

FRESH_SECONDS = 10.0
MAX_FRESH = 10_000
RECHECK_SECONDS = 5.0
RECHECK_BLIND_SECONDS = 2.0


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
        self._waiters: dict[str, set[Waiter]] = {}
        self._task: asyncio.Task[None] | None = None
        self._notifications = Notifications(url, "cargo-ai signals")
        self._access: list[Callable[[], None]] = []
        self._live: list[tuple[Callable[[str], None], Callable[[], None]]] = []
        self._counts: list[Callable[[str], None]] = []
        self._begun: dict[str, tuple[uuid.UUID, float]] = {}
        self.released = False

    @property
    def connected(self) -> bool:
        """Whether it listens now."""
        return self._notifications.connected

    @property
    def recheck_seconds(self) -> float:
        """How long a waiter relies on the channel before it polls."""
        return RECHECK_SECONDS if self.connected else RECHECK_BLIND_SECONDS

    async def open(self) -> None:
        """Start listening in the background; a database that does not answer is tried again."""
        channels = {CHANNEL: self._on_done, LIVE: self._on_live, callers.CHANNEL: self._on_access, COUNTS: self._on_counts}
        self._task = asyncio.create_task(self._notifications.listen(channels, self._on_gap), name="signals")

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

    def begin(self, workspace: uuid.UUID, key: str) -> None:
        """Something of a workspace is about to begin, with a commit that comes after this call; its end will be heard."""
        if self.connected:
            if len(self._begun) >= MAX_FRESH:
                self._begun.clear()
            self._begun[key] = workspace, clock.seconds() + FRESH_SECONDS

    def is_under_way(self, workspace: uuid.UUID, key: str) -> bool:
        """Whether something of a workspace has begun here just now, and its end would have been heard: no need to look yet."""
        begun, until = self._begun.get(key, (None, 0.0))
        return begun == workspace and self.connected and clock.seconds() < until

    @property
    def waiting(self) -> int:
        """How many waiters there are now."""
        return sum(len(waiters) for waiters in self._waiters.values())

    def hear(self, on_note: Callable[[str], None], on_change: Callable[[], None]) -> None:
        """Have each note of the channel `LIVE`, and be called when notes may have been missed or this process stops."""
        self._live.append((on_note, on_change))

    def on_access(self, changed: Callable[[], None]) -> None:
        """Call this whenever someone's access has changed, or may have."""
        self._access.append(changed)

    def on_counts(self, hear: Callable[[str], None]) -> None:
        """Call this with each note of the channel `COUNTS`."""
        self._counts.append(hear)

    def _on_counts(self, payload: str) -> None:
        for hear in self._counts:
            hear(payload)

    def _on_access(self, _payload: str) -> None:
        self._access_changed()

    def _access_changed(self) -> None:
        for changed in self._access:
            changed()

    def _on_gap(self) -> None:
        self._begun.clear()
        self._access_changed()
        self._wake_all()

    def _on_done(self, payload: str) -> None:
        self._begun.pop(payload, None)
        for waiter in self._waiters.get(payload, ()):
            waiter.wake()

    def _on_live(self, payload: str) -> None:
        for on_note, _ in self._live:
            on_note(payload)

    def _wake_all(self) -> None:
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.wake()
        for _, on_change in self._live:
            on_change()
