"""Workers that die at crash points, one after the other, until one of them has done all that there is to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest

from cargo_ai.engine.journal import crash_points
from tests.unit.engine.engine_worker import EngineWorker


class Killed(BaseException):
    """The process died."""


@dataclass
class Death:
    """Counts the crash points that are passed, and ends everything at one of them (None: never)."""

    at: int | None
    passed: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def point(self, _name: str) -> None:
        """A crash point is passed."""
        self.passed += 1
        if self.at is not None and self.passed >= self.at:
            self.came.set()
            raise Killed


async def work_through(
    new_worker: Callable[[], EngineWorker],
    work: Callable[[EngineWorker], Awaitable[None]],
    deaths: Sequence[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Let a new worker work after each death, until `work` ended. `deaths`: after how many crash points each worker dies."""
    for at in [*deaths, None]:
        death = Death(at)
        monkeypatch.setattr(crash_points, "point", death.point)
        worker = new_worker()
        working, came = asyncio.ensure_future(work(worker)), asyncio.create_task(death.came.wait())
        done, _ = await asyncio.wait({working, came}, return_when=asyncio.FIRST_COMPLETED)
        came.cancel()
        if working in done and not death.came.is_set():
            working.result()
            await worker.close()
            return
        working.cancel()
        await asyncio.wait({working})
        if not working.cancelled():
            assert isinstance(working.exception(), Killed)
        await worker.kill()
