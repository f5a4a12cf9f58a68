"""Embedders: the row of a workspace, how far its vectors have got, the job that makes them, and what asking costs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.content.tables import Embedder, File
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, ids
from cargo_ai.ledger import balances, charges
from cargo_ai.ledger.amounts import ZERO
from cargo_ai.ledger.charges import Charge
from cargo_ai.ledger.labels import Label
from cargo_ai.store.driver import driver_connection

TASK = "content.embed"
"""The job that gives passages their vectors."""
_SLOT = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How many chunks there are, and how many of them have vectors of the present generation."""

    chunks: int
    embedded: int

    @property
    def is_complete(self) -> bool:
        """Whether all have."""
        return self.embedded == self.chunks


async def find(db: AsyncSession, *, locked: bool = False) -> Embedder | None:
    """The embedder of the session's workspace."""
    query = select(Embedder)
    return await db.scalar(query.with_for_update().execution_options(populate_existing=True) if locked else query)


async def progress(db: AsyncSession, embedder: Embedder, files: Sequence[uuid.UUID] | None = None) -> Progress:
    """How far it has got, in these files or all."""
    has = File.vectors_of == embedder.generation
    query = select(func.coalesce(func.sum(File.chunks_count), 0), func.coalesce(func.sum(File.chunks_count).filter(has), 0))
    chunks, embedded = (await db.execute(query if files is None else query.where(File.uuid.in_(files)))).one()
    return Progress(int(chunks), int(embedded))


async def begin(db: AsyncSession, workspace: uuid.UUID, seconds: float = 0, token: uuid.UUID | None = None) -> None:
    """Have a worker embed what has no vector, once the transaction commits and these seconds have passed."""
    args = {"workspace": str(workspace), "token": str(token or ids.new())}
    database = await driver_connection(db)
    if seconds:
        await producer().defer_later(database, TASK, "batch", max(1, int(seconds)), **args)
    else:
        await producer().defer(database, TASK, "batch", **args)


async def check_credits(db: AsyncSession, workspace: uuid.UUID, service: connection.EmbeddingService) -> None:
    """NotEmbedded where embedding would cost credits and the workspace may spend none."""
    if not service.costs:
        return
    balance = await balances.balance_of(await driver_connection(db), workspace)
    if balance.overage == "deny" and balance.left <= ZERO:
        raise connection.NotEmbedded(
            f"No credits are left for the tokens of {service.name}: `cargo-ai billing budget get` shows the budget."
        )


async def charge(db: AsyncSession, workspace: uuid.UUID, service: connection.EmbeddingService, tokens: int) -> None:
    """Charge the tokens; last in its transaction, for the workspace's accounts stay locked until its end."""
    credits = service.credits(tokens)
    if credits <= 0:
        return
    slug = f"integration.{service.integration_slug}.action.{connection.TOKENS}"
    label = Label(workspace, "billing.credits", slug, connector=service.connector, integration=service.integration_slug)
    due = Charge(label, clock.now().date(), 1, charges.exact(credits))
    await charges.write(await driver_connection(db), [due], ids.new(), _SLOT, clock.now())
