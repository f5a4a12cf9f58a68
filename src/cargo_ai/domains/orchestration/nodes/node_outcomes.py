"""Outcomes of nodes: remember effects that were performed, so that a repeated attempt does not perform them again."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.node_tables import NodeOutcome
from cargo_ai.kernel import clock
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

KEPT = timedelta(days=30)
"""The journal has the outcome of a node within moments; older ones are never asked for."""


async def find(db: AsyncSession, key: str) -> dict[str, Any] | None:
    """The output that a node gave under this idempotency key."""
    return await db.scalar(select(NodeOutcome.output).where(NodeOutcome.key == key))


async def keep(db: AsyncSession, workspace: uuid.UUID, key: str, output: dict[str, Any]) -> None:
    """Remember the output, in the transaction of what was done. The first one under a key stays."""
    values = {"key": key, "workspace_uuid": workspace, "output": output, "at": clock.now()}
    await db.execute(insert(NodeOutcome).values(values).on_conflict_do_nothing(index_elements=["key"]))


async def locked(db: AsyncSession, what: str) -> None:
    """Take turns with everybody who does the same, until this transaction ends."""
    connection = await driver_connection(db)
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 16))", (what,))


async def prune(database: Database) -> None:
    """Forget what is older than 30 days."""
    async with database.session(ALL_WORKSPACES) as db:
        await db.execute(delete(NodeOutcome).where(NodeOutcome.at < clock.now() - KEPT))
        await db.commit()
