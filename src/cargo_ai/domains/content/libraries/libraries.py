"""Rows of libraries: find them, the one that uploads go into by default, and have those of connectors filled."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.content.tables import Library
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, ids
from cargo_ai.store.driver import driver_connection

UPLOADS = "upload"
"""The extractor of native libraries: people upload their files."""
TASK = "content.sync"
"""The job that fills a library of a connector."""
LEASE = timedelta(minutes=15)
"""How long a job has a library, prolonged with each file."""


async def find(db: AsyncSession, library: str | uuid.UUID, *, locked: bool = False) -> Library | None:
    """A library of the session's workspace; `locked`: it then cannot be removed before the caller's commit."""
    query = select(Library).where(Library.uuid == ids.parse(str(library)))
    return await db.scalar(query.with_for_update() if locked else query)


async def default_library(db: AsyncSession, workspace: uuid.UUID) -> uuid.UUID:
    """The library of the workspace for uploads, which is made when it is first needed."""
    known = select(Library.uuid).where(Library.is_default, Library.workspace_uuid == workspace)
    found = await db.scalar(known)
    if found is not None:
        return found
    now = clock.now()
    row = insert(Library).values(
        uuid=ids.new(),
        workspace_uuid=workspace,
        name="Files",
        is_default=True,
        extractor_slug=UPLOADS,
        config={},
        created_at=now,
        updated_at=now,
    )
    await db.execute(row.on_conflict_do_nothing())
    made = await db.scalar(known)
    assert made is not None, "the default library was made just now"
    return made


async def begin_sync(db: AsyncSession, row: Library) -> None:
    """Have a worker fill a locked library, once the transaction commits; a job that is at it ends before its next file."""
    row.lease, row.leased_until = ids.new(), clock.now() + LEASE
    await db.flush()
    await producer().defer(
        await driver_connection(db), TASK, "batch", workspace=str(row.workspace_uuid), library=str(row.uuid), token=str(row.lease)
    )


async def announce(db: AsyncSession, library: uuid.UUID) -> None:
    """Wake the requests that wait for the library, once the transaction commits."""
    await db.execute(text("select pg_notify('cargo_done', :library)"), {"library": str(library)})
