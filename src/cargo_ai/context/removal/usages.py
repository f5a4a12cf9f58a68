"""Usages: record which thing uses which, and look them up before a thing is removed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.store.tables import Reference


async def replace(db: AsyncSession, workspace: uuid.UUID, kind: str, owner: uuid.UUID, targets: Iterable[tuple[str, uuid.UUID]]) -> None:
    """Replace all that one owner uses by these `(kind, uuid)` targets."""
    await db.execute(delete(Reference).where(Reference.from_kind == kind, Reference.from_uuid == owner))
    for to_kind, to_uuid in sorted(set(targets)):
        db.add(Reference(workspace_uuid=workspace, from_kind=kind, from_uuid=owner, to_kind=to_kind, to_uuid=to_uuid))
    await db.flush()


async def used_by(db: AsyncSession, kind: str, target: uuid.UUID) -> list[tuple[str, uuid.UUID]]:
    """The `(kind, uuid)` of everything that uses the target."""
    rows = await db.execute(
        select(Reference.from_kind, Reference.from_uuid)
        .where(Reference.to_kind == kind, Reference.to_uuid == target)
        .order_by(Reference.from_kind, Reference.from_uuid)
    )
    return [(row.from_kind, row.from_uuid) for row in rows]


async def count_by_target(db: AsyncSession, kind: str, from_kind: str) -> dict[uuid.UUID, int]:
    """How many things of `from_kind` use each target of `kind`."""
    rows = await db.execute(
        select(Reference.to_uuid, func.count())
        .where(Reference.to_kind == kind, Reference.from_kind == from_kind)
        .group_by(Reference.to_uuid)
    )
    return {row[0]: int(row[1]) for row in rows}
