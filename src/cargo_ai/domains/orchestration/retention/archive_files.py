"""Archive files: write executions of old runs to Parquet files, list their months and download them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export, Record
from cargo_ai.context.handlers import handles
from cargo_ai.context.process import Services
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.orchestration import archive as contract
from cargo_ai.engine.retention.archive_rows import COLUMNS
from cargo_ai.engine.retention.bodies import Archive, ArchivedPage
from cargo_ai.engine.retention.tables import archived_files, forgotten_records
from cargo_ai.files import parquet
from cargo_ai.kernel.wire import Nothing
from cargo_ai.store.files import FileStore, require_owner
from cargo_ai.store.session import ALL_WORKSPACES

_PIECE = 1024 * 1024
_NUMBERS = {"whole": int, "number": float}


def archive(files: FileStore) -> Archive:
    """The archive in a file store. The key of a file follows from what is in it."""
    return Archive(_key, partial(_write, files), files.remove)


def _key(workspace: uuid.UUID, month: str, first: uuid.UUID) -> str:
    return f"{workspace}/archive/executions/{month}/{first}.parquet"


async def _write(files: FileStore, key: str, lines: AsyncGenerator[bytes]) -> ArchivedPage:
    pieces = _Pieces(lines)
    size = await files.put(key, parquet.encode(pieces.read(), "csv", list(COLUMNS), COLUMNS))
    return ArchivedPage(key, pieces.rows, size)


class _Pieces:
    """Rows put together to pieces that are worth reading one by one. `rows`: how many there were."""

    def __init__(self, lines: AsyncGenerator[bytes]) -> None:
        self._lines, self.rows = lines, 0

    async def read(self) -> AsyncGenerator[bytes]:
        """The pieces."""
        ready, size = list[bytes](), 0
        async for line in self._lines:
            self.rows += 1
            ready.append(line)
            size += len(line)
            if size >= _PIECE:
                yield b"".join(ready)
                ready, size = [], 0
        if ready:
            yield b"".join(ready)


@handles(contract.list_)
async def list_(ctx: Context, request: Nothing) -> contract.ArchiveReply:
    """The months of the workspace."""
    records = forgotten_records.c
    forgetting = select(func.count()).where(records.workspace_uuid == ctx.workspace, records.cleared_ms.is_(None))
    return contract.ArchiveReply(months=await months_of(ctx.db, ctx.workspace), forgetting_count=await ctx.db.scalar(forgetting) or 0)


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadArchive) -> DownloadReply:
    """The URL of a file with all executions of the month."""
    months = await months_of(ctx.db, ctx.workspace)
    if not any(month.month == request.month for month in months):
        contract.download.refuse("monthNotFound", month=request.month, months=shown(months))
    return DownloadReply.of(exports.sign(ctx, "archive", {"month": stored_month(request.month)}, request.format))


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The rows of a month, file by file."""
    month = str(params["month"])
    async with services.database.session(ALL_WORKSPACES) as db:
        query = select(archived_files.c.key).where(*present(workspace), archived_files.c.month == month)
        keys = list(await db.scalars(query.order_by(archived_files.c.key)))
    return Export(_rows(services.files, workspace, keys), list(COLUMNS), f"archive-{shown_month(month)}")


async def _rows(files: FileStore, workspace: uuid.UUID, keys: Sequence[str]) -> AsyncIterator[list[Record]]:
    for key in keys:
        async for chunk in parquet.read_chunks(files.stream(require_owner(key, workspace)), parquet.Limits()):
            yield [_typed(row) for row in chunk]


def _typed(row: Mapping[str, str]) -> dict[str, Any]:
    """The values as what they are: Parquet is read as text, in which what is missing is empty."""
    return {name: _value(COLUMNS.get(name, "string"), text) for name, text in row.items()}


def _value(kind: str, text: str) -> str | int | float | bool | None:
    if not text:
        return None
    if kind == "boolean":
        return text == "true"
    return _NUMBERS[kind](text) if kind in _NUMBERS else text


def present(workspace: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    """The conditions of the files that the archive of a workspace has."""
    return archived_files.c.workspace_uuid == workspace, archived_files.c.removed_ms.is_(None)


async def months_of(db: AsyncSession, workspace: uuid.UUID) -> list[contract.ArchivedMonth]:
    """The months of a workspace in the archive, oldest first."""
    files = archived_files.c
    unread = func.count().filter(and_(files.are_runs_removed, files.read_ms.is_(None)))
    columns = (func.count().label("files"), func.sum(files.executions).label("executions"), func.sum(files.bytes).label("bytes"))
    query = select(files.month, *columns, func.bool_or(files.are_runs_removed).label("removed"), unread.label("unread"))
    rows = await db.execute(query.where(*present(workspace)).group_by(files.month).order_by(files.month))
    return [_to_response(row) for row in rows.mappings()]


def _to_response(row: RowMapping) -> contract.ArchivedMonth:
    return contract.ArchivedMonth(
        month=shown_month(row["month"]),
        files_count=row["files"],
        executions_count=int(row["executions"]),
        bytes=int(row["bytes"]),
        are_runs_removed=row["removed"],
        is_in_sql=row["unread"] == 0,
    )


def shown(months: Sequence[contract.ArchivedMonth]) -> str:
    """The months for a sentence."""
    return ", ".join(month.month for month in months) or "nothing yet"


def stored_month(month: str) -> str:
    """A month as partitions are named by it."""
    return month.replace("-", "_")


def shown_month(month: str) -> str:
    """A month as people write it."""
    return month.replace("_", "-")
