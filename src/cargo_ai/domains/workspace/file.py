"""Files: list the columns of an uploaded file, and carry out uploads in parts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import signed_urls
from cargo_ai.context.handlers import handles
from cargo_ai.contract.workspace import file as contract
from cargo_ai.domains.workspace import upload_store
from cargo_ai.domains.workspace.upload_store import Upload, UploadPart
from cargo_ai.files import parquet
from cargo_ai.files.csv_files import csv_columns
from cargo_ai.files.text_files import InvalidFile
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import Removed
from cargo_ai.store.files import FileMissing, FilesUnavailable, require_owner

_UPLOAD = "cargo-ai workspace file upload --file-path companies.csv"


def to_response(row: Upload) -> contract.Uploaded:
    """The upload on the wire."""
    return contract.Uploaded(uuid=str(row.uuid), s3_filename=row.s3_filename, content_type=row.content_type, name=row.name)


def part_path(upload: str, number: int | str) -> str:
    """The path to which the bytes of a part are sent."""
    return f"/v1/files/parts/{upload}/{number}"


@handles(contract.list_columns)
async def list_columns(ctx: Context, request: contract.ListColumns) -> contract.ColumnsReply:
    """The names in the first row, or in the schema; no connection to the database is held while the file is read."""
    try:
        names = await _read_column_names(ctx, require_owner(request.s3_filename, ctx.workspace))
    except FileMissing:
        contract.list_columns.refuse("fileNotFound", fix=_UPLOAD, file=request.s3_filename)
    except FilesUnavailable:
        contract.list_columns.refuse("filesUnavailable")
    except InvalidFile as fault:
        contract.list_columns.refuse("fileInvalid", problem=str(fault))
    if not names:
        contract.list_columns.refuse("noColumnsFound", fix=_UPLOAD)
    return contract.ColumnsReply(columns=[contract.Column(name=name) for name in names])


async def _read_column_names(ctx: Context, key: str) -> list[str]:
    stream = ctx.files.stream(key)
    if not parquet.is_parquet(key):
        return await csv_columns(stream)
    async with parquet.temporary_file(stream) as path:
        return [name for name, _ in (await parquet.read_shape(path)).columns]


@handles(contract.create_multipart)
async def create_multipart(ctx: Context, request: contract.CreateMultipart) -> contract.MultipartReply:
    """Start an upload that waits a day for its parts, and remove expired ones after the commit."""
    row = upload_store.new_upload(ctx.workspace, ctx.who.user_uuid, request.filename or "file", request.content_type)
    row.expires_at = clock.now() + upload_store.OPEN_FOR
    ctx.db.add(row)
    await ctx.db.flush()

    async def sweep() -> None:
        await upload_store.remove_expired(ctx.database, ctx.files)

    ctx.after_commit.append(sweep)
    return contract.MultipartReply(s3_filename=row.s3_filename, upload_id=str(row.uuid))


@handles(contract.sign_part)
async def sign_part(ctx: Context, request: contract.SignPart) -> contract.SignedPart:
    """The URL for one part of an upload that is still open."""
    row = await upload_store.find(ctx.db, request.upload_id, request.s3_filename)
    if row is None or row.expires_at is None:
        contract.sign_part.refuse("uploadNotFound", upload=request.upload_id)
    path = part_path(str(row.uuid), request.part_number)
    return contract.SignedPart(url=signed_urls.sign(ctx.secrets, ctx.base_url, "PUT", path, ctx.workspace))


@handles(contract.complete_multipart)
async def complete_multipart(ctx: Context, request: contract.CompleteMultipart) -> contract.CompletedReply:
    """Join the parts. Completing twice is fine: the first reply may have been lost.

    Changes made while the parts are joined are found afterwards, under the lock.
    """
    refuse = partial(contract.complete_multipart.refuse, "uploadNotFound", upload=request.upload_id)
    async with _read_session(ctx) as db:
        upload = await upload_store.find(db, request.upload_id, request.s3_filename)
        if upload is None:
            refuse()
        if upload.expires_at is None:
            return contract.CompletedReply(s3_filename=upload.s3_filename)
        parts = await upload_store.parts_of(db, upload.uuid)
    keys = [part.key for part in parts]
    size = await _join_parts(ctx, request, upload.s3_filename, parts)
    row = await upload_store.find(ctx.db, request.upload_id, request.s3_filename, locked=True)
    if row is None:
        await upload_store.remove_files(ctx.files, [request.s3_filename])
        refuse()
    if row.expires_at is not None:
        if [part.key for part in await upload_store.parts_of(ctx.db, row.uuid)] != keys:
            contract.complete_multipart.refuse("partsInvalid", problem="a part was sent again while they were being joined")
        row.size, row.expires_at = size, None
        await ctx.db.execute(delete(UploadPart).where(UploadPart.upload_uuid == row.uuid))
        await ctx.db.flush()
        ctx.after_commit.append(partial(upload_store.remove_files, ctx.files, keys))
    return contract.CompletedReply(s3_filename=row.s3_filename)


@asynccontextmanager
async def _read_session(ctx: Context) -> AsyncGenerator[AsyncSession]:
    """A session that ends with the block, so that joining holds no connection. Where the request's own transaction is open
    already (it holds an idempotency key), that one: asking for a second connection could starve the pool."""
    if ctx.db.in_transaction():
        yield ctx.db
        return
    async with ctx.database.session(ctx.workspace) as db:
        yield db


async def _join_parts(ctx: Context, request: contract.CompleteMultipart, key: str, parts: list[UploadPart]) -> int:
    try:
        upload_store.check_parts([(part.part_number, part.etag) for part in request.parts], parts)
        return await ctx.files.put(key, upload_store.join_parts(ctx.files, parts))
    except upload_store.PartsDiffer as fault:
        contract.complete_multipart.refuse("partsInvalid", problem=str(fault))
    except FileMissing:
        contract.complete_multipart.refuse("partsInvalid", problem="a part was sent again or removed while they were being joined")
    except FilesUnavailable:
        contract.complete_multipart.refuse("filesUnavailable")


@handles(contract.abort_multipart)
async def abort_multipart(ctx: Context, request: contract.AbortMultipart) -> Removed:
    """Remove an upload that is still open, with all its parts."""
    row = await upload_store.find(ctx.db, request.upload_id, request.s3_filename, locked=True)
    if row is None or row.expires_at is None:
        contract.abort_multipart.refuse("uploadNotFound", upload=request.upload_id)
    keys = [row.s3_filename, *(part.key for part in await upload_store.parts_of(ctx.db, row.uuid))]
    await ctx.db.execute(delete(Upload).where(Upload.uuid == row.uuid))
    ctx.after_commit.append(partial(upload_store.remove_files, ctx.files, keys))
    return Removed(uuid=str(row.uuid))
