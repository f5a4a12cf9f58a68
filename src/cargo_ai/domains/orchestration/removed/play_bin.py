"""Removed plays: hide one with its segment, bring it back disabled, and erase what only it needs."""

from __future__ import annotations

import uuid
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.removal import bin_kinds, usages
from cargo_ai.context.removal.bin_kinds import BinKind
from cargo_ai.contract.orchestration.workflows import play as contract
from cargo_ai.contract.workspace import bin as bin_contract
from cargo_ai.domains.orchestration.removed import workflow_bin
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.store.tables import BinItem


async def hide(ctx: Context, row: Play, segment_uses: list[list[str]]) -> bin_contract.RemovedToBin:
    """Take a play out of use that is disabled and whose segment is removed. `segment_uses`: what the segment used."""
    await workflow_bin.hide(ctx.db, row)
    return await bin_kinds.put(ctx, KIND, row.uuid, row.name, kept={"segmentUses": segment_uses})


async def _restore(ctx: Context, item: BinItem, _slug: str | None) -> None:
    row = await ctx.db.scalar(select(Play).where(Play.uuid == item.uuid).with_for_update())
    assert row is not None, "the rows of removed plays stay"
    if not await storage.model_exists(ctx.db, row.model_uuid, lock=True):
        await bin_kinds.refuse_without(ctx, item, "model", row.model_uuid, "runs on")
    await workflow_bin.show(ctx.db, row)
    await segmentation.restore_play_segment(ctx.db, row.segment_uuid)
    uses = cast("list[list[str]]", item.kept.get("segmentUses", []))
    await usages.replace(ctx.db, ctx.workspace, "segment", row.segment_uuid, [(kind, uuid.UUID(text)) for kind, text in uses])
    row.folder_uuid = await workspace.living_folder(ctx, row.folder_uuid, "play")
    await ctx.db.flush()
    enable = f"cargo-ai orchestration play update --uuid {row.uuid} --is-enabled true"
    ctx.warn(f"The play is disabled; changes count from when it is enabled, and what it missed is not caught up on: {enable}")


async def _destroy(db: AsyncSession, item: BinItem) -> None:
    row = await db.scalar(select(Play).where(Play.uuid == item.uuid))
    assert row is not None, "the rows of removed plays stay"
    await workflow_bin.erase_drafts(db, row.workflow_uuid)
    await segmentation.forget_play_segment(db, row.segment_uuid)


KIND = BinKind(
    kind="play",
    permission=contract.remove.permission or "",
    columns=(Play.uuid, Play.name, Play.deleted_at),
    contents=workflow_bin.contents_of(Play),
    restore=_restore,
    destroy=_destroy,
)
