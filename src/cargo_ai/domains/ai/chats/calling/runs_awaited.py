"""Runs that answers wait for: poll all of them in one statement, less often the longer they take."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from cargo_ai.domains.orchestration.public import agent_tools
from cargo_ai.kernel import log
from cargo_ai.store.availability import DATABASE_UNAVAILABLE
from cargo_ai.store.session import Database

SHORTEST, LONGEST = 0.05, 2.0
GROWTH = 1.3

_log = log.get(__name__)


@dataclass(slots=True)
class _Awaited:
    """A run, and how many wait for it."""

    outcome: asyncio.Future[agent_tools.RunOutcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    waiters: int = 0


class RunsAwaited:
    """One per process. Nothing is asked while nothing is waited for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[uuid.UUID, dict[uuid.UUID, _Awaited]] = defaultdict(dict)
        self._new = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def wait(self, workspace: uuid.UUID, run: uuid.UUID, seconds: float) -> agent_tools.RunOutcome | None:
        """How the run ended; None where it has not within these seconds, which count from the first look at it: a run that has ended
        before is found, however long that look takes."""
        awaited = self._waiting[workspace].setdefault(run, _Awaited())
        awaited.waiters += 1
        self._new.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="runs of answers")
        try:
            await awaited.looked.wait()
            async with asyncio.timeout(seconds):
                return await asyncio.shield(awaited.outcome)
        except TimeoutError:
            return None
        finally:
            awaited.waiters -= 1
            if not awaited.waiters and self._waiting[workspace].get(run) is awaited:
                del self._waiting[workspace][run]

    async def _look(self) -> None:
        pause = SHORTEST
        while any(self._waiting.values()):
            if self._new.is_set():
                self._new.clear()
                pause = SHORTEST
            await asyncio.sleep(pause)
            pause = min(pause * GROWTH, LONGEST)
            for workspace in list(self._waiting):
                await self._look_at(workspace)

    async def _look_at(self, workspace: uuid.UUID) -> None:
        waiting = self._waiting[workspace]
        if not waiting:
            del self._waiting[workspace]
            return
        asked = dict(waiting)
        try:
            async with self._database.session(workspace) as db:
                ended = await agent_tools.outcomes(db, workspace, list(asked))
            for run, outcome in ended.items():
                asked[run].outcome.set_result(outcome)
                # Who asks for it from now on looks again.
                if waiting.get(run) is asked[run]:
                    del waiting[run]
        except DATABASE_UNAVAILABLE as error:
            _log.warning("the runs of answers could not be looked at", cause=str(error).strip()[:200])
        finally:
            for awaited in asked.values():
                awaited.looked.set()
