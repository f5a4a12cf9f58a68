"""Upload store: the rows of uploads and their parts, and the steps that join parts into a file."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ForeignKey, Index, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.context.process import Services
from cargo_ai.kernel import clock, ids, log
from cargo_ai.store.files import FileStore, FilesUnavailable
from cargo_ai.store.rows import Owned, Row, Stamped
from cargo_ai.store.session import ALL_WORKSPACES, Database

OPEN_FOR = timedelta(hours=24)
UNKNOWN_TYPE = "application/octet-stream"

_SWEPT_AT_ONCE = 100
_log = log.get(__name__)


class Upload(Stamped, Owned, Row):
    """An uploaded file. While it waits for parts it has no size but a time at which it expires."""

    __tablename__ = "uploads"
    __table_args__ = (Index("ix_uploads_created_at", "created_at"),)

    user_uuid: Mapped[uuid.UUID]
    s3_filename: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int | None]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)


class UploadPart(Owned, Row):
    """A part that was sent. Each attempt has its own key, so that a repeated one never mixes with the first."""

    __tablename__ = "upload_parts"

    upload_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("uploads.uuid", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    etag: Mapped[str]
    size: Mapped[int]


class TooLarge(ValueError):
    """The parts together are larger than an upload may be."""


class PartsDiffer(ValueError):
    """The parts that a client lists are not those that came in; the message names one."""


def display_name(name: str) -> str:
    """A file's name to show: without folders and control characters, at most 255 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in last if character.isprintable()).strip()[:255] or "file"


def safe_content_type(content_type: str) -> str:
    """A content type that can safely be sent in a header, else `application/octet-stream`."""
    fits = content_type.isascii() and content_type.isprintable() and 0 < len(content_type) <= 255 and "/" in content_type
    return content_type if fits else UNKNOWN_TYPE


def new_upload(workspace: uuid.UUID, user: uuid.UUID, name: str, content_type: str) -> Upload:
    """The row of a new upload, not yet in a session."""
    identity = ids.new()
    return Upload(
        uuid=identity,
        workspace_uuid=workspace,
        user_uuid=user,
        s3_filename=FileStore.new_key(workspace, "uploads", name),
        name=display_name(name),
        content_type=safe_content_type(content_type),
    )


async def find(db: AsyncSession, upload: str | uuid.UUID, s3_filename: str | None = None, *, locked: bool = False) -> Upload | None:
    """The upload with this id and, where it is given, this key; expired ones are gone. `locked`: with a row lock."""
    query = select(Upload).where(Upload.uuid == ids.parse(str(upload))).execution_options(populate_existing=True)
    if s3_filename is not None:
        query = query.where(Upload.s3_filename == s3_filename)
    row = await db.scalar(query.with_for_update() if locked else query)
    if row is None or (row.expires_at is not None and row.expires_at <= clock.now()):
        return None
    return row


async def parts_of(db: AsyncSession, upload: uuid.UUID) -> list[UploadPart]:
    """Its parts as they are now, by number."""
    query = select(UploadPart).where(UploadPart.upload_uuid == upload).order_by(UploadPart.number)
    return list(await db.scalars(query.execution_options(populate_existing=True)))


def part_key(workspace: uuid.UUID, upload: uuid.UUID, number: int) -> str:
    """A new key for the bytes of a part."""
    return f"{workspace}/parts/{upload}/{number}-{ids.new()}"


async def save_part(db: AsyncSession, part: UploadPart, most_bytes: int) -> str | None:
    """Store a part of a locked upload; returns the key of the attempt that it replaces. TooLarge when the parts together are."""
    others = (UploadPart.upload_uuid == part.upload_uuid, UploadPart.number != part.number)
    if int(await db.scalar(select(func.coalesce(func.sum(UploadPart.size), 0)).where(*others)) or 0) + part.size > most_bytes:
        raise TooLarge
    former = await db.scalar(select(UploadPart.key).where(UploadPart.upload_uuid == part.upload_uuid, UploadPart.number == part.number))
    values = {"key": part.key, "etag": part.etag, "size": part.size}
    row = insert(UploadPart).values(workspace_uuid=part.workspace_uuid, upload_uuid=part.upload_uuid, number=part.number, **values)
    await db.execute(row.on_conflict_do_update(index_elements=["upload_uuid", "number"], set_=values))
    return former


def check_parts(listed: Sequence[tuple[int, str]], stored: Sequence[UploadPart]) -> None:
    """PartsDiffer unless the `(number, etag)` listed are 1 to n and exactly those that were kept, so that nothing is lost unnoticed."""
    listed_etags = dict(listed)
    if len(listed_etags) < len(listed):
        raise PartsDiffer("a part number is listed twice")
    missing = next((number for number in range(1, max(listed_etags) + 1) if number not in listed_etags), None)
    if missing is not None:
        raise PartsDiffer(f"part {missing} is not listed")
    by_number = {part.number: part for part in stored}
    for number, etag in listed:
        part = by_number.get(number)
        if part is None:
            raise PartsDiffer(f"part {number} was not sent")
        if etag.removeprefix("W/").strip('"') != part.etag:
            raise PartsDiffer(f"the etag of part {number} is another one")
    extra = next((number for number in by_number if number not in listed_etags), None)
    if extra is not None:
        raise PartsDiffer(f"part {extra} was sent but is not listed")


async def join_parts(files: FileStore, parts: Sequence[UploadPart]) -> AsyncGenerator[bytes]:
    """The bytes of all parts, one after the other."""
    for part in parts:
        async for chunk in files.stream(part.key):
            yield chunk


async def remove_files(files: FileStore, keys: Sequence[str]) -> None:
    """Remove files that no row names any more. One that cannot be removed costs only space."""
    for key in keys:
        try:
            await files.remove(key)
        except FilesUnavailable as error:
            _log.warning("a file could not be removed", key=key, error=str(error))


async def remove_unused(services: Services) -> int:
    """Remove uploads older than the settings keep them that nothing reads any more, in all workspaces; returns how many."""
    days = services.settings.upload_retention
    if not days:
        return 0
    before, removed = clock.now() - timedelta(days=days), 0
    last = (datetime.min.replace(tzinfo=UTC), uuid.UUID(int=0))
    while True:
        async with services.database.session(ALL_WORKSPACES) as db:
            old = (
                select(Upload)
                .where(Upload.expires_at.is_(None), Upload.created_at < before, tuple_(Upload.created_at, Upload.uuid) > last)
                .order_by(Upload.created_at, Upload.uuid)
                .limit(_SWEPT_AT_ONCE)
                .with_for_update(skip_locked=True)
            )
            uploads = list(await db.scalars(old))
            keys = {upload.s3_filename for upload in uploads}
            for in_use in services.hooks.files_in_use:
                keys -= await in_use(db, keys)
            await db.execute(delete(Upload).where(Upload.s3_filename.in_(keys)))
            await db.commit()
        await remove_files(services.files, sorted(keys))
        removed += len(keys)
        if not uploads:
            return removed
        last = (uploads[-1].created_at, uploads[-1].uuid)


async def remove_expired(database: Database, files: FileStore) -> int:
    """Remove uploads whose parts did not come in time, in all workspaces; returns how many."""
    async with database.session(ALL_WORKSPACES) as db:
        late = select(Upload).where(Upload.expires_at <= clock.now()).limit(_SWEPT_AT_ONCE).with_for_update(skip_locked=True)
        uploads = list(await db.scalars(late))
        identities = [upload.uuid for upload in uploads]
        keys = [upload.s3_filename for upload in uploads]
        keys += await db.scalars(select(UploadPart.key).where(UploadPart.upload_uuid.in_(identities)))
        await db.execute(delete(Upload).where(Upload.uuid.in_(identities)))
        await db.commit()
    await remove_files(files, keys)
    return len(uploads)
