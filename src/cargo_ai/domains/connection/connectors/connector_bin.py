"""Removed connectors: hide one with its dataset, its secrets sealed as they are; bring it back; erase the secrets forever."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.removal import bin_kinds
from cargo_ai.context.removal.bin_kinds import BinKind
from cargo_ai.contract.connection import connector as contract
from cargo_ai.contract.workspace import bin as bin_contract
from cargo_ai.domains.connection import dataset
from cargo_ai.domains.connection.oauth import exchange
from cargo_ai.domains.connection.tables import Connector, Dataset
from cargo_ai.kernel import clock
from cargo_ai.store.tables import BinItem

MAX_SLUG_LENGTH = 50


async def hide(ctx: Context, row: Connector) -> bin_contract.RemovedToBin:
    """Take the connector and its dataset out of use, and free their slug."""
    kept = {"isDefault": row.is_default}
    row.is_default, row.deleted_at = False, clock.now()
    await dataset.remove_of(ctx.db, row.uuid)
    await ctx.db.flush()
    return await bin_kinds.put(ctx, KIND, row.uuid, row.name, slug=row.slug, kept=kept)


async def _restore(ctx: Context, item: BinItem, slug: str | None) -> None:
    row = await ctx.db.scalar(select(Connector).where(Connector.uuid == item.uuid).with_for_update())
    assert row is not None, "the rows of removed connectors stay"
    named = slug or row.slug
    if len(named) > MAX_SLUG_LENGTH:
        bin_contract.restore.refuse("slugNotCompatible", problem=f"The slug of a connector has at most {MAX_SLUG_LENGTH} characters.")
    try:
        async with ctx.db.begin_nested():
            row.deleted_at, row.slug = None, named
            await ctx.db.flush()
            owned = update(Dataset).where(Dataset.connector_uuid == row.uuid).values(deleted_at=None, slug=named)
            await ctx.db.execute(owned.execution_options(synchronize_session=False))
    except IntegrityError:
        bin_contract.restore.refuse("duplicateSlug", kind="connector or dataset", slug=named)
    if row.stopped_at is not None:
        ctx.warn(f"It is still stopped: cargo-ai connection connector start {row.uuid} lets runs call the service again.")
    if item.kept.get("isDefault"):
        await _make_default(ctx, row)


async def _make_default(ctx: Context, row: Connector) -> None:
    """Make it the default again, unless another one is by now."""
    try:
        async with ctx.db.begin_nested():
            row.is_default = True
            await ctx.db.flush()
    except IntegrityError:
        ctx.warn(f'Another connector is the default of {row.integration_slug} by now: "{row.name}" is not.')


async def _destroy(db: AsyncSession, item: BinItem) -> None:
    """Erase the secrets. The row stays, for the history."""
    await exchange.delete_grant(db, item.uuid)
    await db.execute(
        update(Connector).where(Connector.uuid == item.uuid).values(sealed_config=None).execution_options(synchronize_session=False)
    )


_COLUMNS = (Connector.uuid, Connector.name, Connector.deleted_at)
KIND = BinKind(
    kind="connector",
    permission=contract.remove.permission or "",
    columns=_COLUMNS,
    contents=bin_kinds.named_contents(_COLUMNS, "its credentials"),
    restore=_restore,
    destroy=_destroy,
)
