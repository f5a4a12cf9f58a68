"""A pool of open connections by origin, the last used first; a call does not cost more the more connections are open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cargo_ai.kernel import clock
from cargo_ai.outbound.connection import Connection, Delivery
from cargo_ai.outbound.message import Answer, Wire
from cargo_ai.outbound.reader import Broken
from cargo_ai.outbound.url import Url

# Many servers close an idle connection after five seconds; reusing one that is just being closed costs a failed call.
IDLE_SECONDS = 4.0
SWEEP_SECONDS = 1.0

Key = tuple[str, str, int]


class Pool:
    """At most `most` connections in use at a time and as many idle ones."""

    def __init__(self, connect: Callable[[Url], Awaitable[Connection]], most: int) -> None:
        self._connect, self._most = connect, most
        self._slots = asyncio.Semaphore(most)
        self._idle: dict[Key, list[Connection]] = {}
        self._count = 0
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    async def exchange(self, url: Url, wire: Wire, most: int, delivery: Delivery) -> Answer:
        """Send a request and read its answer. Raises Broken, TooLarge and what connecting raises.

        A service may close a connection just when it is used again. Then a request that may arrive twice goes over a new one, once;
        any other fails, since it may have arrived.
        """
        delivery.waiting = True
        async with self._slots:
            delivery.waiting = False
            connection = self._take(url.origin)
            if connection is not None:
                try:
                    return await self._over(connection, url.origin, wire, most, delivery)
                except Broken as error:
                    if not (error.silent and wire.repeatable):
                        raise
            return await self._over(await self._connect(url), url.origin, wire, most, delivery)

    async def _over(self, connection: Connection, key: Key, wire: Wire, most: int, delivery: Delivery) -> Answer:
        try:
            return await connection.exchange(wire, most, delivery)
        finally:
            self._give_back(key, connection)

    def _take(self, key: Key) -> Connection | None:
        """An idle connection that is still open."""
        idle = self._idle.get(key)
        while idle:
            connection = idle.pop()
            self._count -= 1
            if connection.is_quiet() and not self._is_expired(connection):
                return connection
            connection.abort()
        self._idle.pop(key, None)
        return None

    def _give_back(self, key: Key, connection: Connection) -> None:
        if not connection.is_open or connection.is_old or self._count >= self._most or self._closed:
            connection.abort()
            return
        connection.idle_since = clock.seconds()
        self._idle.setdefault(key, []).append(connection)
        self._count += 1
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _is_expired(self, connection: Connection) -> bool:
        return clock.seconds() >= connection.idle_since + IDLE_SECONDS

    def _sweep(self) -> None:
        """Close what was idle for too long, and look again while something is left."""
        kept: dict[Key, list[Connection]] = {}
        for key, idle in self._idle.items():
            for connection in idle:
                if connection.is_open and not self._is_expired(connection):
                    kept.setdefault(key, []).append(connection)
                else:
                    connection.abort()
        self._idle, self._count = kept, sum(map(len, kept.values()))
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep) if kept else None

    async def aclose(self) -> None:
        """Close every idle connection; those in use are closed when they are given back."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        idle, self._idle, self._count = self._idle, {}, 0
        for connections in idle.values():
            for connection in connections:
                connection.abort()
        # The event loop closes their sockets in its next round.
        await asyncio.sleep(0)
