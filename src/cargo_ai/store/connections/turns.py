"""Turns: how many statements of one workspace's users a process runs at once, so that no workspace takes all connections."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

PER_WORKSPACE = 2
WAIT_SECONDS = 10.0
MAX_WAITING = 20
"""Of one workspace: each keeps its request in memory."""
MAX_WAITING_CONNECTED = 2
"""Of one workspace, of those that keep a connection meanwhile."""
CONNECTED_SECONDS = 60.0
"""How long one that keeps a connection waits where others wait for as long as it takes."""

_held: ContextVar[frozenset[tuple[int, uuid.UUID]]] = ContextVar("held_turns", default=frozenset())


class Busy(RuntimeError):
    """The workspace, or the process, runs as many statements of users as it may."""

    def __init__(self) -> None:
        super().__init__("Too many queries and filters of this workspace run at the moment. Try again in a moment.")


@dataclass(slots=True)
class _Line:
    """The turns of one workspace. `users`: those that run and those that wait."""

    places: asyncio.Semaphore
    users: int = 0


class Turns:
    """The turns of one process. `seconds`: how long to wait for one; None: as long as it takes, and for any number of waiting ones."""

    def __init__(self, per_workspace: int = PER_WORKSPACE, in_all: int = 4 * PER_WORKSPACE, seconds: float | None = WAIT_SECONDS) -> None:
        self._per_workspace, self._seconds = per_workspace, seconds
        self._all = asyncio.Semaphore(max(in_all, 1))
        self._lines: dict[uuid.UUID, _Line] = {}

    @asynccontextmanager
    async def take(self, workspace: uuid.UUID, *, connected: bool = False) -> AsyncGenerator[None]:
        """Hold one of the workspace's turns; within one, another is the same. Busy where too many wait, or one waited too long.

        `connected`: the caller keeps a connection of the pool while it waits. Take the turn first wherever that is possible.
        """
        key = (id(self), workspace)
        if key in _held.get():
            yield
            return
        line = self._lines.setdefault(workspace, _Line(asyncio.Semaphore(self._per_workspace)))
        if self._seconds is not None and line.users >= self._per_workspace + (MAX_WAITING_CONNECTED if connected else MAX_WAITING):
            raise Busy
        seconds = CONNECTED_SECONDS if connected and self._seconds is None else self._seconds
        line.users += 1
        try:
            async with _acquired(line.places, seconds), _acquired(self._all, seconds):
                former = _held.get()
                _held.set(former | {key})
                try:
                    yield
                finally:
                    _held.set(former)
        finally:
            line.users -= 1
            if not line.users:
                del self._lines[workspace]


@asynccontextmanager
async def _acquired(places: asyncio.Semaphore, seconds: float | None) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            await places.acquire()
    except TimeoutError:
        raise Busy from None
    try:
        yield
    finally:
        places.release()
