"""Segments of plays: hidden ones that only their play changes or removes."""

from __future__ import annotations

import uuid

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.removal import usages
from cargo_ai.contract.segmentation import segment as contract
from cargo_ai.domains.segmentation import segment
from cargo_ai.domains.segmentation.changes import comparison, watched_segments
from cargo_ai.domains.segmentation.tables import Segment
from cargo_ai.kernel import clock

NAME = "GENERATED_PLAY_SEGMENT"


async def create_play_segment(ctx: Context, request: contract.CreateSegment) -> uuid.UUID:
    """Create a segment that a play owns; returns its uuid. Refuses as `segment create` does: modelNotFound, invalidFilter."""
    response = await segment.create(ctx, request)
    row = await ctx.db.scalar(select(Segment).where(Segment.uuid == uuid.UUID(response.segment.uuid)))
    assert row is not None
    row.from_play = True
    await ctx.db.flush()
    return row.uuid


async def update_play_segment(ctx: Context, request: contract.UpdateSegment) -> bool:
    """Change a segment on behalf of its play; False when it is gone. Refuses as `segment update` does: invalidFilter."""
    row = await segment.find(ctx.db, request.uuid)
    if row is None:
        return False
    await segment.apply_update(ctx, row, request)
    return True


async def remove_play_segment(ctx: Context, uid: uuid.UUID, play: uuid.UUID) -> list[tuple[str, uuid.UUID]]:
    """Remove a segment with its play. Returns its other users; if there are any, the segment stays."""
    users = [user for user in await usages.used_by(ctx.db, "segment", uid) if user != ("play", play)]
    row = await ctx.db.scalar(select(Segment).where(Segment.uuid == uid, Segment.deleted_at.is_(None)))
    if not users and row is not None:
        row.deleted_at = clock.now()
        await usages.replace(ctx.db, ctx.workspace, "segment", uid, [])
        await watched_segments.remove_watches(ctx.db, uid)
    return users


async def restore_play_segment(db: AsyncSession, uid: uuid.UUID) -> None:
    """Bring the segment back with its play."""
    await db.execute(update(Segment).where(Segment.uuid == uid).values(deleted_at=None).execution_options(synchronize_session=False))


async def forget_play_segment(db: AsyncSession, uid: uuid.UUID) -> None:
    """Forget which records were in the segment of a play that is removed forever."""
    await comparison.forget(db, uid)
