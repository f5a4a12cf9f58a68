"""Runs that answers wait for: poll all of them in one statement, less often the longer they take."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict

from cargo_ai.domains.orchestration.public import agent_tools
from cargo_ai.kernel import log
from cargo_ai.store.availability import DATABASE_UNAVAILABLE
from cargo_ai.store.session import Database

SHORTEST, LONGEST = 0.05, 2.0
GROWTH = 1.3

_log = log.get(__name__)


class RunsAwaited:
    """One per process. Nothing is asked while nothing is waited for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[uuid.UUID, dict[uuid.UUID, asyncio.Future[agent_tools.RunOutcome]]] = defaultdict(dict)
        self._new = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def wait(self, workspace: uuid.UUID, run: uuid.UUID) -> agent_tools.RunOutcome:
        """How the run ended, when it has."""
        future = self._waiting[workspace].get(run)
        if future is None:
            future = self._waiting[workspace][run] = asyncio.get_running_loop().create_future()
        self._new.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="runs of answers")
        try:
            return await asyncio.shield(future)
        finally:
            self._waiting[workspace].pop(run, None)

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
        try:
            async with self._database.session(workspace) as db:
                ended = await agent_tools.outcomes(db, workspace, list(waiting))
        except DATABASE_UNAVAILABLE as error:
            _log.warning("the runs of answers could not be looked at", cause=str(error).strip()[:200])
            return
        for run, outcome in ended.items():
            future = waiting.get(run)
            if future is not None and not future.done():
                future.set_result(outcome)
