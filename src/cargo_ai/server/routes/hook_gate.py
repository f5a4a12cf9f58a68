"""The gate of hooks: how many deliveries one hook may send at once and in a time, so that a flood of one stops no other."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api.rate_limits.rate_limit import Flow

MAX_AT_ONCE = 16
"""Deliveries of one hook that this process reads and stores at a time; the others wait, their bodies unread."""
MAX_WAITING = 200
MAX_IN_ALL = 1_000
REFUSALS_PER_SECOND = 50
"""How many refusals of all hooks are answered at once; the others are held, so that who floods waits and others are served."""
HELD_SECONDS = 1.0
MAX_HELD = 2_000


class _Entrance:
    """Of one hook: how many are inside or wait, and the places inside."""

    def __init__(self) -> None:
        self.present = 0
        self.places = asyncio.Semaphore(MAX_AT_ONCE)


class HookGate:
    """Counts in this process's memory what is under way; `limit` is what hooks may send in a time."""

    def __init__(self, limit: Flow) -> None:
        self._entrances: dict[uuid.UUID, _Entrance] = {}
        self._present = 0
        self._limit = limit
        self._refusals = Flow("refusals", "")
        self._held = 0

    @property
    def present(self) -> int:
        """How many deliveries are being taken, or wait."""
        return self._present

    @asynccontextmanager
    async def enter(self, hook: uuid.UUID) -> AsyncGenerator[None]:
        """Take one delivery while the context lasts. Refusal (429) where too many of the hook, or of all, wait already."""
        entrance = self._entrances.setdefault(hook, _Entrance())
        if entrance.present >= MAX_AT_ONCE + MAX_WAITING or self._present >= MAX_IN_ALL:
            raise _too_many()
        entrance.present += 1
        self._present += 1
        try:
            async with entrance.places:
                yield
        finally:
            self._present -= 1
            entrance.present -= 1
            if not entrance.present:
                self._entrances.pop(hook, None)

    def count(self, hook: uuid.UUID, most: int, per_seconds: float) -> None:
        """Count one delivery; Refusal (429) where the hook has sent `most` in `per_seconds` already."""
        self._limit.take(str(hook), most, per_seconds)

    async def hold(self) -> None:
        """Wait a second before a refusal where there are many."""
        try:
            self._refusals.take("", REFUSALS_PER_SECOND, 1)
            return
        except Refusal:
            if self._held >= MAX_HELD:
                return
        self._held += 1
        try:
            await asyncio.sleep(HELD_SECONDS)
        finally:
            self._held -= 1


def _too_many() -> Refusal:
    return Refusal(429, "tooManyRequests", "This hook has too much under way. Send it again later.", headers={"Retry-After": "2"})
