"""Rows of libraries: find them, and the one that uploads go into by default."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.content.tables import Library
from cargo_ai.kernel import clock, ids

UPLOADS = "upload"
"""The extractor of native libraries: people upload their files."""


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
