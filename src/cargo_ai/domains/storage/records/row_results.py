"""Row results: store what happened to each row of an ingested file, as a file that can be downloaded for 30 days."""

from __future__ import annotations

import asyncio
import json
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import IO, Any

from sqlalchemy import delete, select

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export, Record
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.process import Services
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.contract.storage.records import ingest as contract
from cargo_ai.domains.storage.tables import IngestReport
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.files import FileMissing, FileStore, require_owner
from cargo_ai.store.session import ALL_WORKSPACES, Database

KIND = "ingestReport"
RETENTION = timedelta(days=30)
COLUMNS = ("row", "verdict", "id", "column", "value", "problem", "content")
TYPES: Mapping[str, ColumnType] = {**dict.fromkeys(COLUMNS, "string"), "row": "number", "content": "object"}
_PIECE = 256 * 1024


class RowResults:
    """Collects results on disk while rows are loaded: JSON lines of `COLUMNS`."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the context

    def __enter__(self) -> RowResults:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    async def write(self, lines: bytes) -> None:
        """Add lines as they are."""
        await asyncio.to_thread(self._file.write, lines)

    async def add(self, results: Iterable[tuple[Any, ...]]) -> None:
        """Add results as tuples in the order of `COLUMNS`."""
        text = "".join(
            json.dumps(dict(zip(COLUMNS, result, strict=True)), ensure_ascii=False, separators=(",", ":")) + "\n" for result in results
        )
        await self.write(text.encode())

    async def save(self, ctx: Context, model: uuid.UUID) -> IngestReport:
        """Put the results into the file store, and add their row to the session."""
        key = FileStore.new_key(ctx.workspace, KIND, "verdicts.ndjson")
        self._file.seek(0)
        size = await ctx.files.put(key, self._pieces())
        row = IngestReport(uuid=ids.new(), workspace_uuid=ctx.workspace, model_uuid=model, file_key=key, size=size)
        ctx.db.add(row)
        await ctx.db.flush()
        try:
            await quotas.require(await driver_connection(ctx.db), ctx.workspace, "storedBytes", ctx.settings, size)
        except Refusal:
            await ctx.files.remove(key)
            raise
        return row

    async def _pieces(self) -> AsyncIterator[bytes]:
        while part := await asyncio.to_thread(self._file.read, _PIECE):
            yield part


@handles(contract.download_report)
async def download_report(ctx: Context, request: contract.DownloadIngestReport) -> DownloadReply:
    """The URL of a file with one row per ingested row."""
    uid = ids.parse(request.uuid)
    row = await ctx.db.scalar(select(IngestReport).where(IngestReport.uuid == uid)) if uid else None
    row = found_or_refuse(contract.download_report, row, "ingestReportNotFound", uuid=request.uuid)
    return DownloadReply.of(url(ctx, row, request.format))


def url(ctx: Context, row: IngestReport, format: str | None) -> str:
    """The URL at which the results can be downloaded for an hour."""
    return exports.sign(ctx, KIND, {"key": row.file_key}, format)


async def produce(_services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The results of a stored file."""
    try:
        key = require_owner(str(params["key"]), workspace)
    except FileMissing:
        raise Refusal(404, "ingestReportNotFound", "There is no such report.") from None
    return Export(_no_rows(), list(COLUMNS), "verdicts", types=TYPES, file=key)


async def _no_rows() -> AsyncIterator[list[Record]]:
    return
    yield []


async def prune(database: Database, files: FileStore) -> None:
    """Remove results older than 30 days: the file first, so that no file is left without a row."""
    async with database.session(ALL_WORKSPACES) as db:
        old = list(await db.scalars(select(IngestReport).where(IngestReport.created_at < clock.now() - RETENTION).limit(1_000)))
    for row in old:
        await files.remove(row.file_key)
    if old:
        async with database.session(ALL_WORKSPACES) as db:
            await db.execute(delete(IngestReport).where(IngestReport.uuid.in_([row.uuid for row in old])))
            await db.commit()
