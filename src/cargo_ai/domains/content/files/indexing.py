"""Indexing: the job that reads a file's text and makes it searchable, all of it or nothing."""

from __future__ import annotations

import uuid
from contextlib import aclosing

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.content.embedding import embedders
from cargo_ai.domains.content.retrieval import index
from cargo_ai.domains.content.retrieval.chunks import cut
from cargo_ai.domains.content.tables import File
from cargo_ai.engine.journal import crash_points
from cargo_ai.files.documents import reader
from cargo_ai.files.documents.blocks import Unreadable
from cargo_ai.kernel import log
from cargo_ai.store.availability import retry_until_available
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.files import FileMissing, FilesUnavailable

MAX_TRIES = 4
_log = log.get(__name__)


class IndexingJob:
    """The job. After a death another worker reads the file again: what the one before had done went with its transaction."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self, workspace: str, file: str) -> None:
        """Read one file, and write down how that ended. Nothing happens for a file that was removed or read meanwhile."""
        here, uid = uuid.UUID(workspace), uuid.UUID(file)
        source = await retry_until_available("begin to read a file", lambda: self._begin(here, uid))
        if source is None:
            return
        key, name = source
        problem = "The text could not be read, on our side. Try again by `cargo-ai content file reindex`; the server's log says more."
        try:
            document = await self._read(key, name, await self._services.files.size(key))
            await retry_until_available("index a file", lambda: self._save(here, uid, key, document))
            return
        except Unreadable as error:
            problem = str(error)
        except FileMissing:
            problem = "The bytes of the file are not in the file store any more: upload it again."
        except FilesUnavailable as error:
            _log.error("the file store refused a file", file=file, error=str(error))
            problem = "The file store does not answer. Try again by `cargo-ai content file reindex`."
        except Exception as error:
            _log.exception("a file could not be read", file=file, cause=f"{type(error).__name__}: {error}"[:300])
        await retry_until_available("end the reading of a file", lambda: self._fail(here, uid, key, problem))

    async def _begin(self, here: uuid.UUID, uid: uuid.UUID) -> tuple[str, str] | None:
        async with self._services.database.session(here) as db:
            row = await db.scalar(select(File).where(File.uuid == uid).with_for_update())
            if row is None or row.status in {"ready", "error"}:
                return None
            if row.tries >= MAX_TRIES:
                row.status = "error"
                row.error_message = f"Reading it was begun {MAX_TRIES} times, and each time its worker died."
                await _end(db, uid)
                return None
            row.status, row.tries = "indexing", row.tries + 1
            await db.commit()
            return row.s3_filename, row.name

    async def _read(self, key: str, name: str, size: int) -> reader.Document:
        if size > reader.MAX_BYTES:
            raise Unreadable(f"The file is larger than {reader.MAX_BYTES // 1024**2} MB: it is kept, and its text is not read.")
        async with aclosing(self._services.files.stream(key)) as stream:
            return await reader.read(stream, name)

    async def _save(self, here: uuid.UUID, uid: uuid.UUID, key: str, document: reader.Document) -> None:
        async with self._services.database.session(here) as db:
            row = await db.scalar(select(File).where(File.uuid == uid, File.s3_filename == key).with_for_update())
            if row is None:
                return
            crash_points.point("file is read")
            row.chunks_count, row.words_count = await index.put(await driver_connection(db), here, uid, cut(document.blocks))
            crash_points.point("file is indexed")
            row.status, row.warning, row.vectors_of = "ready", " ".join(document.notes) or None, None
            if await embedders.find(db) is not None:
                await embedders.begin(db, here)
            await _end(db, uid)

    async def _fail(self, here: uuid.UUID, uid: uuid.UUID, key: str, problem: str) -> None:
        async with self._services.database.session(here) as db:
            row = await db.scalar(select(File).where(File.uuid == uid, File.s3_filename == key).with_for_update())
            if row is None:
                return
            await index.forget(await driver_connection(db), here, uid)
            row.chunks_count = row.words_count = 0
            row.status, row.error_message = "error", problem
            await _end(db, uid)


async def _end(db: AsyncSession, file: uuid.UUID) -> None:
    """Commit, and wake the requests that wait for the file."""
    await db.execute(text("select pg_notify('cargo_done', :file)"), {"file": str(file)})
    await db.commit()
