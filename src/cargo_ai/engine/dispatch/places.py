"""Places of a process in each lane of the queue: a job is fetched when there is one for it, and may leave it shortly before its end.

A workspace has at most a lane's share of them; the reserve is for the jobs of others, however many of its own wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Who waits for a place here does not see that the queue was lost: that is looked at this often.
WAIT_SECONDS = 5.0


@dataclass(slots=True)
class _Taken:
    """What a job that was fetched has. `left`: its place is another's, though it has not ended."""

    lane: str
    workspace: str | None
    left: bool = False


def _ignore(_: str) -> None:
    """No one is to know."""


class Places:
    """Which jobs have a place, by lane."""

    def __init__(self) -> None:
        self._shares: Mapping[str, int] = {}
        self._reserves: Mapping[str, int] = {}
        self._taken: dict[int, _Taken] = {}
        self._left = asyncio.Event()
        self._closed = False
        self.has_room: Callable[[str], None] = _ignore
        """Called with the lane when a workspace that had its share there has less."""

    def open(self, shares: Mapping[str, int], reserves: Mapping[str, int]) -> None:
        """How many one workspace may have in each lane, and how many there are besides."""
        self._shares, self._reserves = shares, reserves

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

    def take(self, lane: str, job: int, workspace: str | None = None) -> None:
        """Give a place to a job."""
        self._taken[job] = _Taken(lane, workspace)

    def leave(self, job: int | None) -> None:
        """Let another job have its place."""
        taken = self._taken.get(job) if job is not None else None
        if taken is not None and not taken.left:
            self._change(taken, lambda: setattr(taken, "left", True))

    def end(self, job: int | None) -> None:
        """It has ended."""
        taken = self._taken.get(job) if job is not None else None
        if job is not None and taken is not None:
            self._change(taken, lambda: self._taken.pop(job))

    def full(self, lane: str) -> list[str]:
        """The workspaces that have their share of a lane."""
        here = {taken.workspace for taken in self._taken.values() if taken.lane == lane}
        return [workspace for workspace in here if workspace is not None and self._is_full(lane, workspace)]

    def _change(self, taken: _Taken, change: Callable[[], object]) -> None:
        was_full = self._is_full(taken.lane, taken.workspace)
        change()
        self._left.set()
        if was_full and not self._is_full(taken.lane, taken.workspace):
            self.has_room(taken.lane)

    def _is_full(self, lane: str, workspace: str | None) -> bool:
        share = self._shares.get(lane)
        if share is None or workspace is None:
            return False
        theirs = [taken for taken in self._taken.values() if taken.lane == lane and taken.workspace == workspace]
        # Those that have left their place are held by the worker until they end, of which it takes twice as many.
        return sum(not taken.left for taken in theirs) >= share or len(theirs) >= 2 * share

    def _is_free(self, lane: str) -> bool:
        share = self._shares.get(lane)
        if share is None:
            return True
        return sum(taken.lane == lane and not taken.left for taken in self._taken.values()) < share + self._reserves.get(lane, 0)
