"""The gate of hooks: how many deliveries one hook may send at once and in a time, so that a flood of one stops no other."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal

MOST_AT_ONCE = 16
"""Deliveries of one hook that this process reads and stores at a time; the others wait, their bodies unread."""
MOST_WAITING = 200
MOST_IN_ALL = 1_000
MAX_REMEMBERED = 10_000
REFUSALS_PER_SECOND = 50
"""How many refusals of all hooks are answered at once; the others are held, so that who floods waits and others are served."""
HELD_SECONDS = 1.0
MOST_HELD = 2_000


class _Entrance:
    """Of one hook: how many are inside or wait, and the places inside."""

    def __init__(self) -> None:
        self.present = 0
        self.places = asyncio.Semaphore(MOST_AT_ONCE)


@dataclass(slots=True)
class _Bucket:
    """What a hook may still send now. It fills up evenly, to as much as its limit lets through in one window."""

    left: float
    at: float

    def take(self, most: float, rate: float) -> bool:
        """Take one, where there is one."""
        now = clock.seconds()
        self.left = min(float(most), self.left + (now - self.at) * rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class HookGate:
    """Counts in this process's memory."""

    def __init__(self) -> None:
        self._entrances: dict[uuid.UUID, _Entrance] = {}
        self._present = 0
        self._buckets: dict[uuid.UUID, _Bucket] = {}
        self._refusals = _Bucket(float(REFUSALS_PER_SECOND), clock.seconds())
        self._held = 0

    @property
    def present(self) -> int:
        """How many deliveries are being taken, or wait."""
        return self._present

    @asynccontextmanager
    async def enter(self, hook: uuid.UUID) -> AsyncGenerator[None]:
        """Take one delivery while the context lasts. Refusal (429) where too many of the hook, or of all, wait already."""
        entrance = self._entrances.setdefault(hook, _Entrance())
        if entrance.present >= MOST_AT_ONCE + MOST_WAITING or self._present >= MOST_IN_ALL:
            raise _too_many(1.0)
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
        rate = most / per_seconds
        bucket = self._buckets.get(hook)
        if bucket is None:
            if len(self._buckets) >= MAX_REMEMBERED:
                self._buckets.clear()
            bucket = self._buckets[hook] = _Bucket(float(most), clock.seconds())
        if not bucket.take(most, rate):
            raise _too_many((1 - bucket.left) / rate)

    async def hold(self) -> None:
        """Wait a second before a refusal where there are many."""
        if self._refusals.take(REFUSALS_PER_SECOND, REFUSALS_PER_SECOND) or self._held >= MOST_HELD:
            return
        self._held += 1
        try:
            await asyncio.sleep(HELD_SECONDS)
        finally:
            self._held -= 1


def _too_many(seconds: float) -> Refusal:
    sentence = "This hook is sent too much at present. Send it again later."
    return Refusal(429, "tooManyRequests", sentence, headers={"Retry-After": str(int(seconds) + 1)})
