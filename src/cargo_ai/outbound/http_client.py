"""The HTTP client for calls of workflows: it connects only to addresses that were checked."""

from __future__ import annotations

from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.addresses import AllowList
from cargo_ai.outbound.connection import Delivery
from cargo_ai.outbound.guard import Guard
from cargo_ai.outbound.message import Answer, Wire
from cargo_ai.outbound.names import DnsCache, Resolve, resolve_by_system
from cargo_ai.outbound.pool import Pool
from cargo_ai.outbound.url import Url

# More than a worker has runs under way, so that calls that hang do not keep those of other workspaces waiting.
CONNECTIONS = 512


class HttpClient:
    """One per process, shared, closed at the end. It keeps no cookie, follows no redirect (`exchange.send` does, with a check at each
    hop) and reads no proxy from the environment."""

    def __init__(self, guard: Guard, connections: int) -> None:
        self._pool = Pool(guard.connect, connections)

    async def exchange(self, url: Url, wire: Wire, most: int, delivery: Delivery) -> Answer:
        """Send one request and read its answer, at most `most` bytes of body. For `exchange.send`, which everybody calls instead."""
        return await self._pool.exchange(url, wire, most, delivery)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.aclose()


def client(settings: Settings, *, resolve: Resolve = resolve_by_system) -> HttpClient:
    """The process's client. SettingsError when `CARGO_AI_OUTBOUND_ALLOW` is wrong. `resolve`: for tests that play a hostile name server."""
    return HttpClient(Guard(AllowList.of(settings), DnsCache(resolve), settings.environment), CONNECTIONS)
