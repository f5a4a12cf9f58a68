"""A pool of open connections by origin, the last used first; a call does not cost more the more connections are open."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import cast

import httpcore

from cargo_ai.kernel import clock

# Many servers close an idle connection after five seconds; reusing one that is just being closed costs a failed call.
IDLE_SECONDS = 4.0
SWEEP_SECONDS = 1.0

Key = tuple[bytes, bytes, int]


class Pool:
    """At most `most` connections in use at a time and as many idle ones.

    httpcore's own pool looks at every connection, idle ones with a system call each, on every request: 10 ms a call at 100 of them.
    """

    def __init__(self, network: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext, most: int) -> None:
        self._network, self._tls, self._most = network, tls, most
        self._slots = asyncio.Semaphore(most)
        self._idle: dict[Key, list[httpcore.AsyncHTTPConnection]] = {}
        self._count = 0
        self._swept = 0.0
        self._closed = False

    async def send(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request; the response with an unread stream, whose end returns the connection. Raises what httpcore raises."""
        origin = request.url.origin
        key = (origin.scheme, origin.host, origin.port)
        timeouts = cast("dict[str, float | None]", request.extensions.get("timeout", {}))  # pyright: ignore[reportUnknownMemberType]
        await self._slot(timeouts.get("pool"))
        try:
            connection = await self._open(key) or self._new(origin)
        except BaseException:
            self._slots.release()
            raise
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            self._slots.release()
            await _close(connection)
            raise
        return httpcore.Response(response.status, headers=response.headers, content=_Stream(self, key, connection, response))

    def _new(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        return httpcore.AsyncHTTPConnection(origin, self._tls, keepalive_expiry=IDLE_SECONDS, network_backend=self._network)

    async def _slot(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise httpcore.PoolTimeout("Too many calls are under way.") from None

    async def _open(self, key: Key) -> httpcore.AsyncHTTPConnection | None:
        """An idle connection that is still open."""
        await self._sweep()
        idle = self._idle.get(key, [])
        while idle:
            connection = idle.pop()
            self._count -= 1
            if connection.is_available() and not connection.has_expired():
                return connection
            await _close(connection)
        self._idle.pop(key, None)
        return None

    async def give_back(self, key: Key, connection: httpcore.AsyncHTTPConnection) -> None:
        """Take a connection back: it is reused when its response was read to the end."""
        self._slots.release()
        if connection.is_available() and self._count < self._most and not self._closed:
            self._idle.setdefault(key, []).append(connection)
            self._count += 1
        else:
            await _close(connection)

    async def _sweep(self) -> None:
        now = clock.seconds()
        if now < self._swept + SWEEP_SECONDS:
            return
        self._swept = now
        for key, idle in list(self._idle.items()):
            expired = [connection for connection in idle if connection.has_expired()]
            if not expired:
                continue
            fresh = [connection for connection in idle if connection not in expired]
            self._count -= len(expired)
            if fresh:
                self._idle[key] = fresh
            else:
                del self._idle[key]
            for connection in expired:
                await _close(connection)

    async def aclose(self) -> None:
        """Close every idle connection; those in use are closed when they are given back."""
        self._closed = True
        idle, self._idle, self._count = self._idle, {}, 0
        for connections in idle.values():
            for connection in connections:
                await _close(connection)


async def _close(connection: httpcore.AsyncHTTPConnection) -> None:
    # In a task of its own, so that a cancelled call leaves no socket open.
    await asyncio.shield(asyncio.ensure_future(connection.aclose()))


class _Stream:
    def __init__(self, pool: Pool, key: Key, connection: httpcore.AsyncHTTPConnection, response: httpcore.Response) -> None:
        self._pool, self._key, self._connection, self._response = pool, key, connection, response
        self._given_back = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        """Give the connection back; once."""
        if self._given_back:
            return
        self._given_back = True
        try:
            await self._response.aclose()
        finally:
            await self._pool.give_back(self._key, self._connection)
