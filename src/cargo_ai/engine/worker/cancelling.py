"""The queue's job that ends a large batch which was cancelled: part by part, each in a transaction of its own."""

from __future__ import annotations

import uuid
from typing import Any

from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch import cancel
from cargo_ai.engine.dispatch.claim import admit_shards, close_batch
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.journal import crash_points

WORKSPACE = "select workspace_uuid from batches where uuid = %s"


class Cancelling:
    """A worker that takes the job over from one that has died goes on with what is left."""

    def __init__(self, pool: AsyncConnectionPool[Any], queue: Queue) -> None:
        self._pool, self._queue, self._draining = pool, queue, False

    def drain(self) -> None:
        """Stop after the present part; another worker goes on."""
        self._draining = True

    async def end(self, batch: str) -> None:
        """End what no worker drives, then the batch, unless workers still drive some of it: then the last of them does."""
        uid, after = uuid.UUID(batch), None
        async with self._pool.connection() as connection:
            await cancel.signal_workers(connection, uid)
        while True:
            async with self._pool.connection() as connection:
                more, last = await cancel.cancel_undriven(connection, uid, after)
                if more and self._draining:
                    await self._queue.defer(connection, cancel.TASK, "interactive", batch=batch)
                    return
            crash_points.point("between parts of a cancelled batch")
            if not more and after is None:
                break
            # At the end once more from the first one on, for what was parked meanwhile.
            after = last if more else None
        async with self._pool.connection() as connection:
            await close_batch(connection, uid)
            row = await (await connection.execute(WORKSPACE, (uid,))).fetchone()
            if row is not None:
                # Its shards wait no longer, so others of the workspace may be admitted.
                await admit_shards(connection, self._queue, row[0])
