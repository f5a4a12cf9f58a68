"""The lookout: one worker looks for all whether something is due; while it lives, the others look seldom or not at all."""

from __future__ import annotations

import asyncio
import math

FOLLOWING = 6
"""How many times as long the others wait between looks that must not depend on one worker."""


class Lookout:
    """One per process, which leads until it has seen a worker that does: a process alone looks for itself."""

    def __init__(self) -> None:
        self._leads = True
        self._waiting: set[asyncio.Event] = set()

    @property
    def leads(self) -> bool:
        """Whether this process is the one that looks for all."""
        return self._leads

    @leads.setter
    def leads(self, leads: bool) -> None:
        begins, self._leads = leads and not self._leads, leads
        if begins:
            for event in self._waiting:
                event.set()

    @property
    def patience(self) -> int:
        """How many times as long as the one that leads this process may wait between two looks."""
        return 1 if self._leads else FOLLOWING

    def wake_leading(self, event: asyncio.Event) -> None:
        """Set the event where this process looks for all: something may have been missed."""
        if self._leads:
            event.set()

    def longest(self, seconds: float) -> float:
        """How long to wait where nothing is known to be due: forever where another looks for all, so that an idle process stays small."""
        return seconds if self._leads else math.inf

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when the event is set or the time is over. The event is also set when this process begins to lead."""
        self._waiting.add(event)
        try:
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                await event.wait()
        except TimeoutError:
            return
        finally:
            self._waiting.discard(event)
