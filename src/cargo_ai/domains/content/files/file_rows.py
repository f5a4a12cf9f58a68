"""Rows of files: on the wire, found, added, put in the queue to be read, and removed."""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.removal import usages
from cargo_ai.contract.content import file as contract
from cargo_ai.domains.content.files.folders import folder_or_refuse
from cargo_ai.domains.content.libraries import libraries
from cargo_ai.domains.content.retrieval import index
from cargo_ai.domains.content.tables import File, Library
from cargo_ai.domains.workspace.public import upload_store
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import ids
from cargo_ai.store.driver import driver_connection

TASK = "content.index"
"""The job that reads a file's text."""
LIST = "cargo-ai content file list"


@dataclass(frozen=True, slots=True)
class Stored:
    """A file whose bytes have arrived. fields: what the form said besides."""

    name: str
    content_type: str
    s3_filename: str
    size: int
    fields: Mapping[str, str]


async def to_responses(db: AsyncSession, rows: Sequence[File]) -> list[contract.File]:
    """Files on the wire, in the order of the rows."""
    known = select(Library.uuid, Library.connector_uuid).where(Library.uuid.in_({row.library_uuid for row in rows}))
    connectors = {row[0]: row[1] for row in await db.execute(known)}
    return [_to_response(row, connectors.get(row.library_uuid)) for row in rows]


def _to_response(row: File, connector: uuid.UUID | None) -> contract.File:
    return contract.File(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        library_uuid=str(row.library_uuid),
        kind="native" if connector is None else "connector",
        connector_uuid=str(connector) if connector else None,
        user_uuid=str(row.user_uuid) if row.user_uuid else None,
        name=row.name,
        is_temporary=False,
        folder_uuid=str(row.folder_uuid) if row.folder_uuid else None,
        s3_filename=row.s3_filename,
        open_ai_file_id="",
        content_type=row.content_type,
        size=row.size,
        is_indexed_in_open_ai_vector_store=row.status == "ready",
        external_id=row.external_id,
        status=cast("contract.FileStatus", row.status),
        error_message=row.error_message,
        warning=row.warning,
        chunks_count=row.chunks_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=None,
    )


async def find(db: AsyncSession, file: str | uuid.UUID, *, locked: bool = False) -> File | None:
    """A file of the session's workspace."""
    query = select(File).where(File.uuid == ids.parse(str(file)))
    return await db.scalar(query.with_for_update().execution_options(populate_existing=True) if locked else query)


async def read_again(db: AsyncSession, row: File) -> None:
    """Have a worker read the file's text. What was read before is searched meanwhile."""
    row.status, row.tries, row.error_message, row.warning = "pending", 0, None, None
    await db.flush()
    connection = await driver_connection(db)
    await producer().defer(connection, TASK, "batch", workspace=str(row.workspace_uuid), file=str(row.uuid))


async def add(ctx: Context, stored: Stored) -> tuple[contract.UploadedReply, uuid.UUID]:
    """The row of a file that has arrived, new or in place of the one that the form names; refuses by `contract.upload`."""
    given = {name: text for name, text in stored.fields.items() if text}
    row = await _replaced(ctx, given["uuid"]) if "uuid" in given else _new(ctx, stored)
    former = row.s3_filename
    if "folderUuid" in given:
        row.folder_uuid = await folder_or_refuse(ctx, contract.upload, given["folderUuid"])
    if "libraryUuid" in given or row.library_uuid is None:  # pyright: ignore[reportUnnecessaryComparison]  # of a new row
        row.library_uuid = await _library(ctx, given.get("libraryUuid"))
    row.name, row.s3_filename, row.size = upload_store.display_name(stored.name), stored.s3_filename, stored.size
    row.content_type = content_type(stored.name, stored.content_type)
    ctx.db.add(row)
    await ctx.db.flush()
    await record_usages(ctx, row)
    await read_again(ctx.db, row)
    if former != stored.s3_filename:

        async def forget() -> None:
            await upload_store.remove_files(ctx.files, [former])

        ctx.after_commit.append(forget)
    (file,) = await to_responses(ctx.db, [row])
    return contract.UploadedReply(file=file, files=[file]), row.uuid


def _new(ctx: Context, stored: Stored) -> File:
    return File(uuid=ids.new(), workspace_uuid=ctx.workspace, user_uuid=ctx.who.user_uuid, s3_filename=stored.s3_filename, status="pending")


async def _replaced(ctx: Context, file: str) -> File:
    row = await find(ctx.db, file, locked=True)
    if row is None:
        contract.upload.refuse("fileNotFound", uuid=file, fix=LIST)
    return row


async def _library(ctx: Context, library: str | None) -> uuid.UUID:
    if library is None:
        return await libraries.default_library(ctx.db, ctx.workspace)
    row = await libraries.find(ctx.db, library, locked=True)
    if row is None:
        contract.upload.refuse("libraryNotFound", uuid=library, fix="cargo-ai content library list")
    if row.connector_uuid is not None:
        contract.upload.refuse("libraryNotNative", uuid=library)
    return row.uuid


def content_type(name: str, declared: str) -> str:
    """What a file is said to be: as the client says, or else as its name does."""
    safe = upload_store.safe_content_type(declared)
    return mimetypes.guess_type(name)[0] or safe if safe == upload_store.UNKNOWN_TYPE else safe


async def record_usages(ctx: Context, row: File) -> None:
    """Record the folder that the file is in."""
    await usages.replace(ctx.db, ctx.workspace, "file", row.uuid, [("folder", row.folder_uuid)] if row.folder_uuid else [])


async def remove(ctx: Context, row: File) -> None:
    """Remove the file with all that was read of it; its bytes go when that is committed."""
    key = row.s3_filename
    await delete_row(ctx.db, row)

    async def forget() -> None:
        await upload_store.remove_files(ctx.files, [key])

    ctx.after_commit.append(forget)


async def delete_row(db: AsyncSession, row: File) -> None:
    """Remove the row with all that was read of it; its bytes are the caller's to remove."""
    await usages.replace(db, row.workspace_uuid, "file", row.uuid, [])
    await index.forget(await driver_connection(db), row.workspace_uuid, row.uuid)
    await db.delete(row)
    await db.flush()
