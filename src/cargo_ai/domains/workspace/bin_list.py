"""The bin: list what is in it, restore things, remove them forever."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, func, select, update

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import bin_kinds, usages
from cargo_ai.context.removal.bin_kinds import BinKind
from cargo_ai.contract.workspace import bin as contract
from cargo_ai.contract.workspace.folder import FolderKind
from cargo_ai.domains.workspace.public import folder_exists
from cargo_ai.domains.workspace.tables import User
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import ByUuid, Removed
from cargo_ai.store.tables import BinItem

_LIST = "cargo-ai workspace bin list"
AT_ONCE = 50
"""How many things one request removes forever itself: each table that is dropped takes locks. The rest is for a job."""


def _kinds(ctx: Context) -> Mapping[str, BinKind]:
    return {one.kind: one for one in ctx.services.hooks.bin_kinds}


def _permitted(ctx: Context, kinds: Iterable[str] | None) -> list[str]:
    """Of these kinds (of all: None) those that the caller may remove."""
    known = _kinds(ctx)
    return [kind for kind in (known if kinds is None else kinds) if ctx.who.may(known[kind].permission)]


def _in_bin(ctx: Context, kinds: Iterable[str] | None) -> tuple[ColumnElement[bool], ...]:
    oldest = clock.now() - bin_kinds.keep_time(ctx.settings)
    return BinItem.kind.in_(_permitted(ctx, kinds)), ~BinItem.is_due, BinItem.removed_at > oldest


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListBin) -> contract.BinReply:
    """What the caller may restore, removed last first."""
    matches = _in_bin(ctx, request.kinds)
    query = select(BinItem, User.email).outerjoin(User, User.uuid == BinItem.user_uuid).where(*matches)
    rows = await ctx.db.execute(query.order_by(BinItem.removed_at.desc(), BinItem.uuid).limit(request.limit).offset(request.offset))
    count = await ctx.db.scalar(select(func.count()).select_from(BinItem).where(*matches))
    return contract.BinReply(items=[_to_response(ctx, item, email) for item, email in rows], count=int(count or 0))


def _to_response(ctx: Context, item: BinItem, email: str | None) -> contract.BinItem:
    return contract.BinItem(
        uuid=str(item.uuid),
        kind=cast("contract.BinKind", item.kind),
        name=item.name,
        slug=item.slug,
        records_count=item.records_count,
        removed_by_uuid=str(item.user_uuid),
        removed_by=email,
        removed_at=item.removed_at,
        restore_until=bin_kinds.restore_until(ctx.settings, item.removed_at),
        restore=bin_kinds.command(item.uuid),
    )


@handles(contract.preview)
async def preview(ctx: Context, request: contract.PreviewRemoval) -> contract.RemovalPreview:
    """What a removal would take away, and until when it could be restored."""
    kind = _kinds(ctx)[request.kind]
    if not ctx.who.may(kind.permission):
        contract.preview.refuse("forbidden", permission=kind.permission, details={"permission": kind.permission})
    uid = ids.parse(request.uuid)
    contents = await kind.contents(ctx.db, uid) if uid is not None else None
    if uid is None or contents is None:
        contract.preview.refuse("thingNotFound", kind=request.kind, uuid=request.uuid)
    until = bin_kinds.restore_until(ctx.settings, clock.now()) if ctx.settings.keep_removed_days else None
    with_text = f" with {contents.text}" if contents.text else ""
    return contract.RemovalPreview(
        kind=request.kind,
        uuid=str(uid),
        name=contents.name,
        sentence=f'This removes the {request.kind} "{contents.name}"{with_text}. {_until_sentence(uid, until)}',
        restore_until=until,
        restore=bin_kinds.command(uid) if until is not None else None,
    )


def _until_sentence(uid: uuid.UUID, until: datetime | None) -> str:
    if until is None:
        return "It cannot be restored: CARGO_AI_KEEP_REMOVED_DAYS is 0."
    return f"It can be restored until {until.day} {until:%B %Y, %H:%M} UTC ({bin_kinds.command(uid)})."


@handles(contract.restore)
async def restore(ctx: Context, request: contract.RestoreItem) -> contract.Restored:
    """Make a removed thing what it was; warn of what it uses and is gone."""
    item = found_or_refuse(contract.restore, await _locked(ctx, request.uuid), "itemNotFound", uuid=request.uuid, fix=_LIST)
    kind = _kinds(ctx)[item.kind]
    if not ctx.who.may(kind.permission):
        contract.restore.refuse("forbidden", permission=kind.permission, details={"permission": kind.permission})
    if request.slug is not None and item.slug is None:
        contract.restore.refuse("slugNotCompatible", problem=f"A {item.kind} has no slug: leave --slug out.")
    uses = await _living_uses(ctx, item)
    await usages.replace(ctx.db, ctx.workspace, item.kind, item.uuid, uses)
    await kind.restore(ctx, item, request.slug)
    await bin_kinds.warn_of_missing(ctx, item, _kinds(ctx))
    await ctx.db.delete(item)
    await ctx.db.flush()
    slug = request.slug if request.slug is not None else item.slug
    return contract.Restored(uuid=str(item.uuid), kind=kind.kind, name=item.name, slug=slug)


async def _living_uses(ctx: Context, item: BinItem) -> list[tuple[str, uuid.UUID]]:
    """What the thing used, without a folder that is gone."""
    uses: list[tuple[str, uuid.UUID]] = [(str(kind), uuid.UUID(text)) for kind, text in item.uses]
    return [(kind, uid) for kind, uid in uses if kind != "folder" or await folder_exists(ctx.db, uid, cast("FolderKind", item.kind))]


async def _locked(ctx: Context, text: str) -> BinItem | None:
    item = await bin_kinds.find(ctx.db, ids.parse(text), lock=True)
    until = bin_kinds.restore_until(ctx.settings, item.removed_at) if item is not None else None
    return item if until is not None and until > clock.now() else None


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove a thing forever."""
    item = found_or_refuse(contract.remove, await _locked(ctx, request.uuid), "itemNotFound", uuid=request.uuid, fix=_LIST)
    kind = _kinds(ctx)[item.kind]
    if not ctx.who.may(kind.permission):
        contract.remove.refuse("forbidden", permission=kind.permission, details={"permission": kind.permission})
    if await bin_kinds.destroy(ctx, kind, item):
        await ctx.db.delete(item)
    await ctx.db.flush()
    return Removed(uuid=str(item.uuid))


@handles(contract.empty)
async def empty(ctx: Context, request: contract.EmptyBin) -> contract.Emptied:
    """Remove everything forever that the caller may remove: the first of them at once, the rest, and what is large, by a job."""
    known = _kinds(ctx)
    matches = _in_bin(ctx, request.kinds)
    items = (await ctx.db.scalars(select(BinItem).where(*matches).order_by(BinItem.removed_at).limit(AT_ONCE).with_for_update())).all()
    at_once = 0
    for item in items:
        kind = known[item.kind]
        if kind.is_large is None or not await kind.is_large(ctx.db, item):
            await kind.destroy(ctx.db, item)
            await ctx.db.delete(item)
            at_once += 1
    await ctx.db.flush()
    due = update(BinItem).where(*matches).values(is_due=True).returning(BinItem.uuid)
    rest = (await ctx.db.scalars(due.execution_options(synchronize_session=False))).all()
    if rest:
        await bin_kinds.start_job(ctx)
        ctx.warn(f"{len(rest):,} of them are removed in the background, after which `cargo-ai workspace usage` is less.")
    return contract.Emptied(count=at_once + len(rest))
