"""Output quota: whether a workspace may store another large output of a run."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from psycopg_pool import AsyncConnectionPool

from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.store import quotas
from cargo_ai.store.availability import retry_until_available

LOOK_SECONDS = 2.0
"""How long what a workspace keeps is taken as known; what all workers store meanwhile may pass the limit."""
MAX_KNOWN = 1_000


class OutputQuota:
    """What workspaces keep of large outputs, as this process knows it."""

    def __init__(self, pool: AsyncConnectionPool[Any], settings: Settings) -> None:
        self._pool, self._settings = pool, settings
        self._known: dict[uuid.UUID, tuple[float, int]] = {}

    async def refusal(self, workspace: uuid.UUID, size: int) -> str | None:
        """Why an output of `size` bytes may not be stored; None where it may, and then it counts. At most one select in two seconds."""
        limit = self._settings.max_output_bytes
        if not limit:
            return None
        until, used = self._known.get(workspace, (0.0, 0))
        if until < clock.seconds():
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            used = await retry_until_available("reading a quota", partial(self._used, workspace))
            until = clock.seconds() + LOOK_SECONDS
        if used + size > limit:
            self._known[workspace] = (until, used)
            return quotas.exceeded("outputBytes", self._settings, used, size).message
        self._known[workspace] = (until, used + size)
        return None

    async def _used(self, workspace: uuid.UUID) -> int:
        async with self._pool.connection() as connection:
            return await quotas.used_of(connection, workspace, "outputBytes")
