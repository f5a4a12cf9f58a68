"""Libraries: list, show, create, change, fill and remove them."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.contract.content import library as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.content.files import file_rows
from cargo_ai.domains.content.files.folders import folder_or_refuse
from cargo_ai.domains.content.libraries import libraries
from cargo_ai.domains.content.tables import File, Library
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid, JsonObject, Removed

_LIST = "cargo-ai content library list"


def to_response(row: Library) -> contract.Library:
    """The library on the wire."""
    return contract.Library(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        kind="native" if row.connector_uuid is None else "connector",
        connector_uuid=str(row.connector_uuid) if row.connector_uuid else None,
        name=row.name,
        extractor_slug=row.extractor_slug,
        config=row.config,
        folder_uuid=str(row.folder_uuid) if row.folder_uuid else None,
        status="syncing" if row.lease is not None else "error" if row.error_message else "ready",
        error_message=row.error_message,
        last_synced_at=row.last_synced_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=None,
    )


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListLibraries) -> contract.LibrariesReply:
    """The libraries, the oldest first. The one for uploads is there from the first look on."""
    await libraries.default_library(ctx.db, ctx.workspace)
    query = select(Library).order_by(Library.uuid)
    if request.connector_uuid is not None:
        query = query.where(Library.connector_uuid == ids.parse(request.connector_uuid))
    if request.kind is not None:
        query = query.where(Library.connector_uuid.is_(None) if request.kind == "native" else Library.connector_uuid.is_not(None))
    return contract.LibrariesReply(libraries=[to_response(row) for row in await ctx.db.scalars(query)])


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.LibraryReply:
    """One library."""
    row = await libraries.find(ctx.db, request.uuid)
    return contract.LibraryReply(library=to_response(found_or_refuse(contract.get, row, "libraryNotFound", uuid=request.uuid, fix=_LIST)))


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateLibrary) -> contract.LibraryReply:
    """A library for uploads, or of a connector whose integration has a list of files: a worker reads them."""
    connector = None
    if request.connector_uuid is not None:
        connector = await _connector_of_files(ctx, request.connector_uuid, request.extractor_slug or "", request.config)
    elif request.extractor_slug not in (None, libraries.UPLOADS):
        contract.create.refuse("integrationNotCompatible", problem=f"The extractor {request.extractor_slug} needs a connectorUuid.")
    row = Library(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        name=request.name,
        connector_uuid=connector,
        extractor_slug=libraries.UPLOADS if connector is None else request.extractor_slug,
        config=request.config,
        folder_uuid=await folder_or_refuse(ctx, contract.create, request.folder_uuid),
    )
    ctx.db.add(row)
    await ctx.db.flush()
    await _record_usages(ctx, row)
    if connector is not None:
        await libraries.begin_sync(ctx.db, row)
    return contract.LibraryReply(library=to_response(row))


async def _connector_of_files(ctx: Context, connector: str, extractor: str, config: JsonObject) -> uuid.UUID:
    uid = ids.parse(connector)
    if uid is None or not await connection.connector_exists(ctx.db, uid):
        contract.create.refuse("connectorNotFound", uuid=connector, fix="cargo-ai connection connector list")
    integration = await connection.connector_integration(ctx.services, ctx.db, uid)
    if integration is None:
        contract.create.refuse("integrationNotFound", uuid=connector)
    if problem := connection.check_config(integration, extractor, config):
        contract.create.refuse("integrationNotCompatible", problem=problem)
    return uid


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateLibrary) -> contract.LibraryReply:
    """Change what is given; null clears the folder."""
    row = await libraries.find(ctx.db, request.uuid, locked=True)
    row = found_or_refuse(contract.update, row, "libraryNotFound", uuid=request.uuid, fix=_LIST)
    if "folder_uuid" in request.model_fields_set:
        row.folder_uuid = await folder_or_refuse(ctx, contract.update, request.folder_uuid)
    row.name = request.name if request.name is not None else row.name
    if request.config is not None and request.config != row.config:
        if row.connector_uuid is not None:
            integration = await connection.connector_integration(ctx.services, ctx.db, row.connector_uuid)
            problem = None if integration is None else connection.check_config(integration, row.extractor_slug, request.config)
            if problem is not None:
                contract.update.refuse("integrationNotCompatible", problem=problem)
        row.config = request.config
        if row.connector_uuid is not None:
            await libraries.begin_sync(ctx.db, row)
    await ctx.db.flush()
    await _record_usages(ctx, row)
    return contract.LibraryReply(library=to_response(row))


@handles(contract.sync)
async def sync(ctx: Context, request: ByUuid) -> contract.LibraryReply:
    """Have a worker read the files of the service."""
    row = await libraries.find(ctx.db, request.uuid, locked=True)
    row = found_or_refuse(contract.sync, row, "libraryNotFound", uuid=request.uuid, fix=_LIST)
    if row.connector_uuid is None:
        contract.sync.refuse("libraryNotOfConnector", uuid=request.uuid)
    await libraries.begin_sync(ctx.db, row)
    return contract.LibraryReply(library=to_response(row))


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove a library without files, or of a connector: its files are copies of what the service has."""
    row = await libraries.find(ctx.db, request.uuid, locked=True)
    row = found_or_refuse(contract.remove, row, "libraryNotFound", uuid=request.uuid, fix=_LIST)
    if row.connector_uuid is not None:
        for file in await ctx.db.scalars(select(File).where(File.library_uuid == row.uuid).with_for_update()):
            await file_rows.remove(ctx, file)
    count = await ctx.db.scalar(select(func.count()).select_from(File).where(File.library_uuid == row.uuid)) or 0
    if count:
        contract.remove.refuse("libraryHasFiles", count=f"{count:,}", fix=f"cargo-ai content file list --library-uuid {row.uuid}")
    await usages.replace(ctx.db, ctx.workspace, "library", row.uuid, [])
    await ctx.db.delete(row)
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))


async def _record_usages(ctx: Context, row: Library) -> None:
    named = (("folder", row.folder_uuid), ("connector", row.connector_uuid))
    used = [(kind, uid) for kind, uid in named if uid is not None]
    await usages.replace(ctx.db, ctx.workspace, "library", row.uuid, used)
