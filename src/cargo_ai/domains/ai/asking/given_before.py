"""Cached answers of language models: kept for a day, for any process that asks the same again."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.tables import FilledField
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.session import ALL_WORKSPACES, Database

KEPT = timedelta(days=1)


async def find(db: AsyncSession, digest: str, since: datetime) -> JsonObject | None:
    """What was given in the session's workspace since then; digest: of all that it depends on. None where there is nothing."""
    return await db.scalar(select(FilledField.value).where(FilledField.digest == digest, FilledField.given_at >= since))


async def keep(db: AsyncSession, workspace: uuid.UUID, digest: str, value: JsonObject) -> None:
    """Keep what was given now, in the session's transaction."""
    given: JsonObject = {"value": value, "given_at": clock.now()}
    row = insert(FilledField).values(workspace_uuid=workspace, digest=digest, **given)
    await db.execute(row.on_conflict_do_update(index_elements=["workspace_uuid", "digest"], set_=given))


async def forget(database: Database) -> None:
    """Delete what no one can need any more."""
    async with database.session(ALL_WORKSPACES) as db:
        await db.execute(delete(FilledField).where(FilledField.given_at < clock.now() - KEPT))
        await db.commit()
