"""Folders: create, update, move and remove them; what is in a folder is known from usages."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.contract.workspace import folder as contract
from cargo_ai.domains.workspace.tables import Folder, Workspace
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import ByUuid, Nothing, Removed

_LIST = "cargo-ai workspace folder list"
_SHOWN = 20


def to_response(row: Folder) -> contract.Folder:
    """The folder on the wire."""
    return contract.Folder(
        uuid=str(row.uuid),
        parent_uuid=None if row.parent_uuid is None else str(row.parent_uuid),
        kind=cast("contract.FolderKind", row.kind),
        workspace_uuid=str(row.workspace_uuid),
        name=row.name,
        emoji_slug=row.emoji_slug,
        is_read_only=False,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
    )


async def _find(ctx: Context, folder: str, *, locked: bool = False) -> Folder | None:
    query = select(Folder).where(Folder.uuid == ids.parse(folder), Folder.deleted_at.is_(None))
    return await ctx.db.scalar(query.with_for_update() if locked else query)


async def _lock_tree(ctx: Context) -> None:
    """Lock the folder tree for changes, so that two moves at once cannot form a circle."""
    await ctx.db.execute(select(Workspace.uuid).where(Workspace.uuid == ctx.workspace).with_for_update())


async def _validate_parent(
    ctx: Context, operation: Operation[Any, Any, Any], parent: str, kind: str, folder: uuid.UUID | None = None
) -> uuid.UUID:
    """The uuid of a parent that may hold a folder of this kind (`folder`: the one to move there)."""
    row = await _find(ctx, parent, locked=True)
    row = found_or_refuse(operation, row, "folderNotFound", fix=_LIST, folder=parent)
    if row.kind != kind:
        operation.refuse("invalidParent", fix=_LIST, kind=kind, parent=parent, why=f"that one is for {row.kind}")
    above: uuid.UUID | None = row.uuid
    while above is not None:
        if above == folder:
            operation.refuse("invalidParent", fix=_LIST, kind=kind, parent=parent, why="it would lie in itself")
        above = await ctx.db.scalar(select(Folder.parent_uuid).where(Folder.uuid == above))
    return row.uuid


@asynccontextmanager
async def _refuse_duplicate_name(ctx: Context, operation: Operation[Any, Any, Any], name: str) -> AsyncGenerator[None]:
    """Flush what the block changes in a savepoint; refuse a name that is taken, and leave the transaction usable."""
    try:
        async with ctx.db.begin_nested():
            yield
            await ctx.db.flush()
    except IntegrityError as failure:
        if "uq_folders_name" not in str(failure.orig):
            raise
        operation.refuse("duplicateName", fix=_LIST, name=name)


@handles(contract.get_all)
async def get_all(ctx: Context, request: Nothing) -> contract.FoldersReply:
    """Every folder, in the users' order, then oldest first."""
    rows = await ctx.db.scalars(select(Folder).where(Folder.deleted_at.is_(None)).order_by(Folder.position.asc().nulls_last(), Folder.uuid))
    return contract.FoldersReply(folders=[to_response(row) for row in rows])


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.FolderReply:
    """One folder."""
    row = await _find(ctx, request.uuid)
    row = found_or_refuse(contract.get, row, "folderNotFound", fix=_LIST, folder=request.uuid)
    return contract.FolderReply(folder=to_response(row))


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateFolder) -> contract.FolderReply:
    """A new folder, at the top or in another one of its kind."""
    row = Folder(uuid=ids.new(), workspace_uuid=ctx.workspace, kind=request.kind, name=request.name, emoji_slug=request.emoji_slug)
    if request.parent_uuid is not None:
        row.parent_uuid = await _validate_parent(ctx, contract.create, request.parent_uuid, request.kind)
    async with _refuse_duplicate_name(ctx, contract.create, request.name):
        ctx.db.add(row)
    return contract.FolderReply(folder=to_response(row))


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateFolder) -> contract.FolderReply:
    """Rename, reorder, give another emoji, or move; `parentUuid` null moves to the top."""
    await _lock_tree(ctx)
    row = await _find(ctx, request.uuid)
    row = found_or_refuse(contract.update, row, "folderNotFound", fix=_LIST, folder=request.uuid)
    fields = request.model_fields_set
    parent = row.parent_uuid
    if "parent_uuid" in fields:
        parent_uuid = request.parent_uuid
        parent = None if parent_uuid is None else await _validate_parent(ctx, contract.update, parent_uuid, row.kind, row.uuid)
    name = request.name if request.name is not None else row.name
    async with _refuse_duplicate_name(ctx, contract.update, name):
        row.parent_uuid, row.name = parent, name
        if request.emoji_slug is not None:
            row.emoji_slug = request.emoji_slug
        if "order" in fields:
            row.position = request.order
    return contract.FolderReply(folder=to_response(row))


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove an empty folder."""
    row = await _find(ctx, request.uuid, locked=True)
    row = found_or_refuse(contract.remove, row, "folderNotFound", fix=_LIST, folder=request.uuid)
    inner = await ctx.db.scalars(select(Folder.uuid).where(Folder.parent_uuid == row.uuid, Folder.deleted_at.is_(None)))
    used = [*(("folder", uid) for uid in inner), *await usages.used_by(ctx.db, "folder", row.uuid)]
    if used:
        kinds = sorted({kind for kind, _ in used})
        contract.remove.refuse(
            "folderIsUsed",
            details={"usedBy": [{"kind": kind, "uuid": str(uid)} for kind, uid in used[:_SHOWN]]},
            used=", ".join(f"{sum(kind == other for other, _ in used)} {kind}" for kind in kinds),
        )
    row.deleted_at = clock.now()
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))
