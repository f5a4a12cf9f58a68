"""Removed tools: hide one with its triggers and form, bring it back, and erase what only it needs."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.removal import bin_kinds
from cargo_ai.context.removal.bin_kinds import BinKind
from cargo_ai.contract.orchestration.workflows import tool as contract
from cargo_ai.contract.workspace import bin as bin_contract
from cargo_ai.domains.orchestration.removed import workflow_bin
from cargo_ai.domains.orchestration.tables import Tool
from cargo_ai.domains.orchestration.workflows import public_form, trigger
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.store.tables import BinItem


async def hide(ctx: Context, row: Tool) -> bin_contract.RemovedToBin:
    """Take the tool out of use: its triggers fire no more, its form is closed."""
    kept = {"triggers": row.triggers}
    await trigger.put(ctx.db, row, ())
    await workflow_bin.hide(ctx.db, row)
    return await bin_kinds.put(ctx, KIND, row.uuid, row.name, kept=kept)


async def _restore(ctx: Context, item: BinItem, _slug: str | None) -> None:
    row = await ctx.db.scalar(select(Tool).where(Tool.uuid == item.uuid).with_for_update())
    assert row is not None, "the rows of removed tools stay"
    await workflow_bin.show(ctx.db, row)
    row.folder_uuid = await workspace.living_folder(ctx, row.folder_uuid, "tool")
    triggers, gone = await trigger.living(ctx.db, item.kept.get("triggers", ()))
    await trigger.put(ctx.db, row, triggers)
    if gone:
        ctx.warn("The connectors of " + ", ".join(gone) + " were removed: these triggers are not restored.")
    if triggers:
        ctx.warn("Its triggers fire again, from their next time on; what they missed is not caught up on.")
    if public_form.is_enabled(row):
        ctx.warn(f"Its form is open again at {ctx.base_url}/v1/forms/{row.uuid}.")
    await ctx.db.flush()


async def _destroy(db: AsyncSession, item: BinItem) -> None:
    row = await db.scalar(select(Tool).where(Tool.uuid == item.uuid))
    assert row is not None, "the rows of removed tools stay"
    row.public_form, row.sealed_captcha_secret = None, None
    await workflow_bin.erase_drafts(db, row.workflow_uuid)
    await db.flush()


KIND = BinKind(
    kind="tool",
    permission=contract.remove.permission or "",
    columns=(Tool.uuid, Tool.name, Tool.deleted_at),
    contents=workflow_bin.contents_of(Tool),
    restore=_restore,
    destroy=_destroy,
)
