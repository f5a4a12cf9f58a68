"""Places of a process in each lane of the queue: a job is fetched when there is one for it, and may leave it shortly before its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

# Who waits for a place here does not see that the queue was lost: that is looked at this often.
WAIT_SECONDS = 5.0


class Places:
    """Which jobs have a place, by lane."""

    def __init__(self) -> None:
        self._most: Mapping[str, int] = {}
        self._taken: dict[int, str] = {}
        self._left = asyncio.Event()
        self._closed = False

    def open(self, most: Mapping[str, int]) -> None:
        """How many there are in each lane."""
        self._most = most

    def close(self) -> None:
        """Let none in any longer."""
        self._closed = True
        self._left.set()

    async def wait(self, lane: str) -> bool:
        """Wait for a free place; False when no place became free in time, or the queue is closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while not self._closed and not self._is_free(lane):
                    self._left.clear()
                    await self._left.wait()
        return not self._closed and self._is_free(lane)

    def take(self, lane: str, job: int) -> None:
        """Give a place to a job."""
        self._taken[job] = lane

    def leave(self, job: int | None) -> None:
        """Let another job have its place."""
        if job is not None and self._taken.pop(job, None) is not None:
            self._left.set()

    def _is_free(self, lane: str) -> bool:
        most = self._most.get(lane)
        return most is None or sum(taken == lane for taken in self._taken.values()) < most
