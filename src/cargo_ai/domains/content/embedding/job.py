"""The job that gives passages their vectors, batch by batch: what a batch gave, and its price, are stored together or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.content.embedding import embedders
from cargo_ai.domains.content.retrieval import vectors
from cargo_ai.domains.content.retrieval.vectors import Unembedded
from cargo_ai.domains.content.tables import Embedder, File
from cargo_ai.kernel import clock, log
from cargo_ai.store.availability import retry_until_available
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES

BATCH = 32
"""Texts of one call: vectors of 4,096 dimensions then fit into an answer."""
LEASE = timedelta(seconds=180)
MAX_TRIES = 6
_FIRST_WAIT = 10.0
_LONGEST_WAIT = 1_800.0
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What to embed next. file: it is of; texts: none where nothing is left."""

    connector: uuid.UUID
    generation: uuid.UUID
    model: str
    dimensions: int
    texts: Sequence[Unembedded]


class EmbeddingJob:
    """The job. One at a time works for a workspace; a job that comes meanwhile ends, for the first one finds what it was to do.

    After a death, the same job is given back with the same token, so that it takes its own lease over.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self, workspace: str, token: str) -> None:
        """Embed until every passage has its vector, or the embedder fails."""
        here, lease = uuid.UUID(workspace), uuid.UUID(token)
        await retry_until_available("remove old vectors", lambda: self._sweep(here))
        while batch := await retry_until_available("find what to embed", lambda: self._next(here, lease)):
            try:
                service = await connection.embedding_service(self._services, here, batch.connector)
                async with self._services.database.session(here) as db:
                    await embedders.check_credits(db, here, service)
                embedded = await service.embed(batch.model, [one.text for one in batch.texts], dimensions=batch.dimensions)
            except connection.NotEmbedded as error:
                _log.warning("passages were not embedded", workspace=workspace, error=str(error))
                await retry_until_available("note why nothing is embedded", lambda why=error: self._fail(here, lease, why))
                return
            keep = (batch, service, embedded)
            await retry_until_available("store vectors", lambda keep=keep: self._save(here, lease, *keep))

    async def _sweep(self, here: uuid.UUID) -> None:
        """Remove vectors that count no more."""
        while True:
            async with self._services.database.session(here) as db:
                embedder = await embedders.find(db)
                removed = await vectors.sweep(await driver_connection(db), here, None if embedder is None else embedder.generation)
                await db.commit()
            if not removed:
                return

    async def _next(self, here: uuid.UUID, lease: uuid.UUID) -> _Batch | None:
        """The next texts; None where none are left, another job is at it, or there is no embedder any more."""
        async with self._services.database.session(here) as db:
            row = await embedders.find(db, locked=True)
            if row is None or (row.lease not in (None, lease) and row.leased_until is not None and row.leased_until > clock.now()):
                return None
            while True:
                lacking = select(File.uuid).where(File.chunks_count > 0, File.vectors_of.is_distinct_from(row.generation))
                file = await db.scalar(lacking.order_by(File.uuid).limit(1))
                texts = [] if file is None else await vectors.lacking(await driver_connection(db), file, row.generation, BATCH)
                if file is None or texts:
                    break
                await self._complete(db, file, row.generation)
            row.lease, row.leased_until = (lease, clock.now() + LEASE) if texts else (None, None)
            if not texts:
                row.error_message, row.tries = None, 0
            batch = _Batch(row.connector_uuid, row.generation, row.model, row.dimensions, texts)
            await db.commit()
            return batch if texts else None

    async def _complete(self, db: AsyncSession, file: uuid.UUID, generation: uuid.UUID) -> None:
        """Note that a file has all its vectors, unless it is being replaced: then it is looked at again."""
        locked = await db.scalar(select(File).where(File.uuid == file).with_for_update().execution_options(populate_existing=True))
        if locked is not None and not await vectors.lacking(await driver_connection(db), file, generation, 1):
            await db.execute(update(File).where(File.uuid == file).values(vectors_of=generation, updated_at=File.updated_at))
        await db.flush()

    async def _save(
        self, here: uuid.UUID, lease: uuid.UUID, batch: _Batch, service: connection.EmbeddingService, embedded: connection.Embedded
    ) -> None:
        """Nothing is stored for an embedder that is another one by now; the tokens are charged all the same."""
        async with self._services.database.session(here) as db:
            row = await embedders.find(db, locked=True)
            if row is not None and row.generation == batch.generation and row.lease == lease:
                await vectors.put(await driver_connection(db), here, batch.generation, batch.texts, embedded.vectors)
                row.error_message, row.tries, row.leased_until = None, 0, clock.now() + LEASE
                await db.flush()
            await embedders.charge(db, here, service, embedded.tokens)
            await db.commit()

    async def _fail(self, here: uuid.UUID, lease: uuid.UUID, why: connection.NotEmbedded) -> None:
        async with self._services.database.session(here) as db:
            row = await embedders.find(db, locked=True)
            if row is None or row.lease != lease:
                return
            row.error_message, row.tries, row.lease, row.leased_until = str(why), row.tries + 1, None, None
            if why.seconds is not None and row.tries < MAX_TRIES:
                wait = min(max(why.seconds, _FIRST_WAIT * 2 ** (row.tries - 1)), _LONGEST_WAIT)
                await embedders.begin(db, here, wait)
            await db.commit()


async def go_on(services: Services) -> None:
    """Have embedders try again whose passages lack vectors, such as after an outage of the service."""
    async with services.database.session(ALL_WORKSPACES) as db:
        lacking = select(File.uuid).where(
            File.workspace_uuid == Embedder.workspace_uuid, File.chunks_count > 0, File.vectors_of.is_distinct_from(Embedder.generation)
        )
        for workspace in list(await db.scalars(select(Embedder.workspace_uuid).where(lacking.exists()))):
            await embedders.begin(db, workspace)
        await db.commit()
