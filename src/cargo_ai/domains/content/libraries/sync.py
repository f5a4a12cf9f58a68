"""Sync a library: make its files equal to those of the service, each in its current version."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.context.removal import usages
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.content.files import file_rows
from cargo_ai.domains.content.libraries import libraries
from cargo_ai.domains.content.tables import File, Library
from cargo_ai.domains.workspace.public import upload_store
from cargo_ai.files.documents import reader
from cargo_ai.integrations.kit import Download, ListedFile
from cargo_ai.kernel import clock, ids, log
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.store import quotas
from cargo_ai.store.availability import retry_until_available
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.files import FileStore, FilesUnavailable
from cargo_ai.store.session import ALL_WORKSPACES

MAX_FILES = 10_000
"""Of one library."""
MAX_BYTES = reader.MAX_BYTES
DUE_AFTER = timedelta(minutes=55)
_PIECE = 1024 * 1024
_MAX_NAMED = 5
_log = log.get(__name__)


class _Lost(Exception):
    """The library was removed, or another job has it now."""


class _NotFilled(Exception):
    """The library cannot be filled; the message is for people."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A file that the library has. version: as the service names it, or what its bytes hash to."""

    uuid: uuid.UUID
    version: str


class LibrarySync:
    """The job. A file that cannot be read is left as it was, and named in the library's error; the others go on."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self, workspace: str, library: str, token: str) -> None:
        """Fill one library, and write down how that ended."""
        here, uid, lease = uuid.UUID(workspace), uuid.UUID(library), uuid.UUID(token)
        problem: str | None = None
        try:
            problem = await self._fill(here, uid, lease)
        except _Lost:
            return
        except (connection.SourceFault, _NotFilled) as error:
            problem = str(error)
        except FilesUnavailable as error:
            _log.error("the file store refused a file", library=library, error=str(error))
            problem = "The file store does not answer or is full."
        except Exception as error:
            _log.exception("a library could not be filled", library=library, cause=f"{type(error).__name__}: {error}"[:300])
            problem = "The library could not be filled, on our side: the server's log says more."
        await retry_until_available("end the sync of a library", lambda: self._end(here, uid, lease, problem))

    async def _fill(self, here: uuid.UUID, uid: uuid.UUID, lease: uuid.UUID) -> str | None:
        """A sentence about files that were left out."""
        async with self._services.database.session(here) as db:
            row = await _held(db, uid, lease)
            connector, slug, config = row.connector_uuid, row.extractor_slug, row.config
            rows = await db.execute(select(File.external_id, File.uuid, File.external_version).where(File.library_uuid == uid))
            known = {str(name): _Known(file, str(version)) for name, file, version in rows if name is not None}
        assert connector is not None, "only libraries of connectors are filled"
        source = await connection.open_files(self._services, here, connector, slug, config)
        seen, failed = set[str](), list[str]()
        async for page in source.files():
            for file in page:
                if len(seen) >= MAX_FILES:
                    raise _NotFilled(f"There are more than {MAX_FILES:,} files: narrow the library's config. Nothing was removed.")
                seen.add(file.id)
                try:
                    await self._take(source, (here, uid, lease), file, known.get(file.id))
                except connection.SourceFault as fault:
                    if fault.reason not in ("failed", "invalidConfig"):
                        raise
                    failed.append(f"{file.name}: {fault}")
        gone = [one.uuid for name, one in known.items() if name not in seen]
        for file in gone:
            await retry_until_available("remove a file", lambda file=file: self._remove(here, uid, lease, file))
        if not failed:
            return None
        more = f" and {len(failed) - _MAX_NAMED} more" if len(failed) > _MAX_NAMED else ""
        return f"{len(failed)} of {len(seen)} files could not be read: {'; '.join(failed[:_MAX_NAMED])}{more}"[:2_000]

    async def _take(
        self, source: connection.FileSource, held: tuple[uuid.UUID, uuid.UUID, uuid.UUID], file: ListedFile, known: _Known | None
    ) -> None:
        """Store and index a file that is new or has changed."""
        if known is not None and file.version and known.version == file.version:
            return
        limit = f"{MAX_BYTES // 1024**2} MB"
        if file.size is not None and file.size > MAX_BYTES:
            raise connection.SourceFault("failed", f"it is larger than {limit}")
        with tempfile.TemporaryFile(prefix="cargo-ai-") as content:
            download = Download(content, MAX_BYTES)
            await source.download(file.id, download)
            version = file.version or await asyncio.to_thread(_hash, content)
            if known is not None and known.version == version:
                return
            key = FileStore.new_key(held[0], "files", file.name.rsplit("/", 1)[-1])
            content.seek(0)
            await self._services.files.put(key, _pieces(content))
            try:
                former = await retry_until_available("store a file", lambda: self._store(held, file, version, key, download, known))
            except (_Lost, Refusal) as error:
                await upload_store.remove_files(self._services.files, [key])
                raise (_NotFilled(str(error)) if isinstance(error, Refusal) else error) from None
            await upload_store.remove_files(self._services.files, [former] if former else [])

    async def _store(
        self,
        held: tuple[uuid.UUID, uuid.UUID, uuid.UUID],
        file: ListedFile,
        version: str,
        key: str,
        download: Download,
        known: _Known | None,
    ) -> str | None:
        """The key of the former content, which no row names any more. Refusal where the workspace may keep no more."""
        here, uid, lease = held
        async with self._services.database.session(here) as db:
            library = await _held(db, uid, lease)
            row = None if known is None else await file_rows.find(db, known.uuid, locked=True)
            former = None if row is None else row.s3_filename
            if row is None:
                row = File(uuid=ids.new(), workspace_uuid=here, library_uuid=uid, status="pending", external_id=file.id)
                row.folder_uuid = library.folder_uuid
                db.add(row)
            row.name, row.s3_filename, row.size = upload_store.display_name(file.name), key, download.size
            row.content_type = file_rows.content_type(file.name, download.content_type)
            row.external_version = version
            library.leased_until = clock.now() + libraries.LEASE
            await db.flush()
            await usages.replace(db, here, "file", row.uuid, [("folder", row.folder_uuid)] if row.folder_uuid else [])
            await quotas.require(await driver_connection(db), here, "storedBytes", self._services.settings, download.size)
            await file_rows.read_again(db, row)
            await db.commit()
            return former

    async def _remove(self, here: uuid.UUID, uid: uuid.UUID, lease: uuid.UUID, file: uuid.UUID) -> None:
        async with self._services.database.session(here) as db:
            await _held(db, uid, lease)
            row = await file_rows.find(db, file, locked=True)
            if row is None:
                return
            key = row.s3_filename
            await file_rows.delete_row(db, row)
            await db.commit()
        await upload_store.remove_files(self._services.files, [key])

    async def _end(self, here: uuid.UUID, uid: uuid.UUID, lease: uuid.UUID, problem: str | None) -> None:
        async with self._services.database.session(here) as db:
            try:
                row = await _held(db, uid, lease)
            except _Lost:
                return
            row.lease, row.leased_until, row.error_message = None, None, problem
            row.last_synced_at = clock.now()
            await db.flush()
            await libraries.announce(db, uid)
            await db.commit()


async def _held(db: AsyncSession, uid: uuid.UUID, lease: uuid.UUID) -> Library:
    row = await libraries.find(db, uid, locked=True)
    if row is None or row.lease != lease:
        raise _Lost
    return row


def _hash(content: IO[bytes]) -> str:
    content.seek(0)
    return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"  # pyright: ignore[reportArgumentType]  # a file on disk


async def _pieces(content: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(content.read, _PIECE):
        yield piece


async def fill_due(services: Services) -> None:
    """Have the libraries of connectors filled again that were not within an hour, also those whose job was lost."""
    now = clock.now()
    due = (
        Library.connector_uuid.is_not(None),
        or_(Library.last_synced_at.is_(None), Library.last_synced_at < now - DUE_AFTER),
        or_(Library.lease.is_(None), Library.leased_until < now),
    )
    async with services.database.session(ALL_WORKSPACES) as db:
        for row in await db.scalars(select(Library).where(*due).limit(1_000).with_for_update(skip_locked=True)):
            await libraries.begin_sync(db, row)
        await db.commit()
