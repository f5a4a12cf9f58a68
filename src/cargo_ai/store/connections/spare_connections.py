"""Spare connections of a pool: closed when one was enough for a while, since each keeps some megabytes of the database's memory."""

from __future__ import annotations

import asyncio

from sqlalchemy import Pool, QueuePool, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn


class SpareConnections:
    """Watches the pool of an engine, and sets no timer while there is nothing to close."""

    def __init__(self, engine: AsyncEngine, seconds: float) -> None:
        self._engine, self._seconds = engine.sync_engine, seconds
        self._most = 0
        """How many were in use at once since the timer was set."""
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        event.listen(self._engine, "checkout", self._on_checkout)
        event.listen(self._engine, "checkin", self._on_checkin)

    @property
    def _pool(self) -> QueuePool:
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        return pool

    def _on_checkout(self, *_about: object) -> None:
        self._most = max(self._most, self._pool.checkedout())

    def _on_checkin(self, _connection: DBAPIConnection | None, _record: ConnectionPoolEntry) -> None:
        # Called before it is back among the others.
        if self._timer is None and self._pool.checkedin() > 0:
            self._most = 0
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def _look(self) -> None:
        self._timer, pool = None, self._pool
        if self._most <= 1 < pool.checkedin() and pool.checkedout() == 0:
            # A session that begins from now on has a new connection, of a new pool.
            self._engine.dispose(close=False)
            self._closing = asyncio.get_running_loop().create_task(_close(pool), name="spare connections")
        elif pool.checkedin() > 1:
            self._most = pool.checkedout()
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)


async def _close(pool: Pool) -> None:
    await greenlet_spawn(pool.dispose)
