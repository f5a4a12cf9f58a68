"""Removed segments: hide one, bring it back, and forget forever which records were in it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.removal import bin_kinds
from cargo_ai.context.removal.bin_kinds import BinKind
from cargo_ai.contract.segmentation import segment as contract
from cargo_ai.contract.workspace import bin as bin_contract
from cargo_ai.domains.segmentation.changes import comparison, watched_segments
from cargo_ai.domains.segmentation.tables import Segment
from cargo_ai.domains.storage import public as storage
from cargo_ai.kernel import clock
from cargo_ai.store.tables import BinItem


async def hide(ctx: Context, row: Segment) -> bin_contract.RemovedToBin:
    """Take the segment out of use, and free its slug."""
    row.deleted_at = clock.now()
    await watched_segments.remove_watches(ctx.db, row.uuid)
    return await bin_kinds.put(ctx, KIND, row.uuid, row.name, slug=row.slug)


async def _restore(ctx: Context, item: BinItem, slug: str | None) -> None:
    row = await ctx.db.scalar(select(Segment).where(Segment.uuid == item.uuid).with_for_update())
    assert row is not None, "the rows of removed segments stay"
    if not await storage.model_exists(ctx.db, row.model_uuid, lock=True):
        await bin_kinds.refuse_without(ctx, item, "model", row.model_uuid, "is of")
    named = slug or row.slug
    taken = select(Segment.uuid).where(Segment.slug == named, Segment.deleted_at.is_(None)).limit(1)
    if await ctx.db.scalar(taken) is not None:
        bin_contract.restore.refuse("duplicateSlug", kind="segment", slug=named)
    row.deleted_at, row.slug = None, named
    await ctx.db.flush()


async def _destroy(db: AsyncSession, item: BinItem) -> None:
    await comparison.forget(db, item.uuid)


async def _is_large(db: AsyncSession, item: BinItem) -> bool:
    return await comparison.has_members(db, item.uuid, bin_kinds.LARGE)


_COLUMNS = (Segment.uuid, Segment.name, Segment.deleted_at)
KIND = BinKind(
    kind="segment",
    permission=contract.remove.permission or "",
    columns=_COLUMNS,
    contents=bin_kinds.named_contents(_COLUMNS, "the history of its changes; its records stay in their model"),
    restore=_restore,
    destroy=_destroy,
    is_large=_is_large,
)
