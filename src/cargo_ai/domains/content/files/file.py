"""Files: list, show, change and remove them, and have their text read again."""

from __future__ import annotations

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.content import file as contract
from cargo_ai.domains.content.files import file_rows
from cargo_ai.domains.content.files.folders import folder_or_refuse
from cargo_ai.domains.content.tables import File, Library
from cargo_ai.domains.workspace.public import upload_store
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid, Removed


async def _reply(ctx: Context, row: File) -> contract.FileReply:
    return contract.FileReply(file=(await file_rows.to_responses(ctx.db, [row]))[0])


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListFiles) -> contract.FilesReply:
    """The files, the newest first."""
    query = select(File).order_by(File.uuid.desc())
    if request.folder_uuid is not None:
        query = query.where(File.folder_uuid == ids.parse(request.folder_uuid))
    if request.library_uuid is not None:
        query = query.where(File.library_uuid == ids.parse(request.library_uuid))
    if request.kind is not None or request.connector_uuid is not None:
        within = select(Library.uuid)
        if request.connector_uuid is not None:
            within = within.where(Library.connector_uuid == ids.parse(request.connector_uuid))
        if request.kind is not None:
            within = within.where(Library.connector_uuid.is_(None) if request.kind == "native" else Library.connector_uuid.is_not(None))
        query = query.where(File.library_uuid.in_(within))
    return contract.FilesReply(files=await file_rows.to_responses(ctx.db, list(await ctx.db.scalars(query))))


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.FileReply:
    """One file."""
    row = await file_rows.find(ctx.db, request.uuid)
    return await _reply(ctx, found_or_refuse(contract.get, row, "fileNotFound", uuid=request.uuid, fix=file_rows.LIST))


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateFile) -> contract.FileReply:
    """Change what is given; null takes the file out of its folder."""
    row = await file_rows.find(ctx.db, request.uuid, locked=True)
    row = found_or_refuse(contract.update, row, "fileNotFound", uuid=request.uuid, fix=file_rows.LIST)
    if "folder_uuid" in request.model_fields_set:
        row.folder_uuid = await folder_or_refuse(ctx, contract.update, request.folder_uuid)
    if request.name is not None:
        row.name = upload_store.display_name(request.name)
    await ctx.db.flush()
    await file_rows.record_usages(ctx, row)
    return await _reply(ctx, row)


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove a file, its bytes and its text."""
    row = await file_rows.find(ctx.db, request.uuid, locked=True)
    row = found_or_refuse(contract.remove, row, "fileNotFound", uuid=request.uuid, fix=file_rows.LIST)
    await file_rows.remove(ctx, row)
    return Removed(uuid=str(row.uuid))


@handles(contract.reindex)
async def reindex(ctx: Context, request: ByUuid) -> contract.FileReply:
    """Have a worker read the file's text again."""
    row = await file_rows.find(ctx.db, request.uuid, locked=True)
    row = found_or_refuse(contract.reindex, row, "fileNotFound", uuid=request.uuid, fix=file_rows.LIST)
    await file_rows.read_again(ctx.db, row)
    return await _reply(ctx, row)
