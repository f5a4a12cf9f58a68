"""Versions of documents: write one, read the last one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.ai.document import MAX_VERSIONS, DocumentKind
from cargo_ai.domains.ai.tables import Document
from cargo_ai.kernel import clock, ids
from cargo_ai.store.driver import driver_connection, execute
from cargo_ai.store.session import across_workspaces


class Taken(ValueError):
    """The uuid is another workspace's."""


class TooMany(ValueError):
    """The document has as many versions as one may have."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a version says."""

    kind: DocumentKind
    title: str
    content: str


async def last(db: AsyncSession, document: uuid.UUID | None) -> Document | None:
    """The last version of a document of the session's workspace."""
    query = select(Document).where(Document.document_uuid == document).order_by(Document.created_at.desc(), Document.version_uuid.desc())
    return await db.scalar(query.limit(1))


async def write(
    db: AsyncSession, workspace: uuid.UUID, user: uuid.UUID, document: uuid.UUID, draft: Draft, version: uuid.UUID | None = None
) -> Document:
    """Another version; the caller commits. version: its own id: one that is there already is given back as it is. Taken, TooMany."""
    await execute(await driver_connection(db), "select pg_advisory_xact_lock(%s)", [int.from_bytes(document.bytes[:8], signed=True)])
    if version is not None and (former := await db.scalar(select(Document).where(Document.version_uuid == version))) is not None:
        return former
    with across_workspaces(db):
        owner = await db.scalar(select(Document.workspace_uuid).where(Document.document_uuid == document).limit(1))
    if owner not in (None, workspace):
        raise Taken
    count = select(func.count()).where(Document.document_uuid == document)
    if int(await db.scalar(count) or 0) >= MAX_VERSIONS:
        raise TooMany
    former = await last(db, document)
    # As exact as the wire is, which names a version by it.
    now = clock.now()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    row = Document(
        version_uuid=version or ids.new(),
        workspace_uuid=workspace,
        document_uuid=document,
        user_uuid=user,
        kind=draft.kind,
        title=draft.title,
        content=draft.content,
        created_at=now if former is None or former.created_at < now else former.created_at + timedelta(milliseconds=1),
    )
    db.add(row)
    await db.flush()
    return row
