"""The HTTP client for calls of workflows: it connects only to addresses that were checked."""

from __future__ import annotations

import uuid

from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.addresses import AllowList
from cargo_ai.outbound.answer_budget import AnswerBudget, Room
from cargo_ai.outbound.connection import Delivery
from cargo_ai.outbound.guard import Guard
from cargo_ai.outbound.message import Answer, Wire
from cargo_ai.outbound.names import DnsCache, Resolve, resolve_by_system
from cargo_ai.outbound.pool import Pool
from cargo_ai.outbound.url import Url

# More than a worker has runs under way, so that calls that hang do not keep those of other workspaces waiting.
CONNECTIONS = 512
# For what is beyond 64 KB of each answer that is being read: 32 of unknown length at once, half of them of one workspace.
ANSWER_BYTES = 128 * 1024 * 1024


class HttpClient:
    """One per process, shared, closed at the end. It keeps no cookie, follows no redirect (`exchange.send` does, with a check at each
    hop) and reads no proxy from the environment. `guard`: which addresses may be reached."""

    def __init__(self, guard: Guard, pool: Pool, budget: AnswerBudget, workspace: uuid.UUID | None = None) -> None:
        self.guard, self._pool, self._budget, self._workspace = guard, pool, budget, workspace

    def of(self, workspace: uuid.UUID) -> HttpClient:
        """The same client for calls of one workspace, which get no more than its share."""
        return HttpClient(self.guard, self._pool, self._budget, workspace)

    async def exchange(self, url: Url, wire: Wire, most: int, delivery: Delivery) -> Answer:
        """Send one request and read its answer, at most `most` bytes of body. For `exchange.send`, which everybody calls instead."""
        delivery.room = Room(self._budget, self._workspace)
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
    guard = Guard(AllowList.of(settings), DnsCache(resolve), settings.environment)
    return HttpClient(guard, Pool(guard.connect, CONNECTIONS), AnswerBudget(ANSWER_BYTES, ANSWER_BYTES // 2))
