"""Archived spans: read executions whose runs are gone from the archive, so that SQL finds them: a few at once, a month by a job."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.process import Services
from cargo_ai.contract.orchestration import archive as contract
from cargo_ai.domains.orchestration.retention import archive_files
from cargo_ai.engine.dispatch.queue import goes_on, producer
from cargo_ai.engine.retention.archive_rows import SPAN_COLUMNS
from cargo_ai.engine.retention.tables import archived_files, archived_spans
from cargo_ai.files import parquet
from cargo_ai.kernel import clock, log
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.files import FileMissing, FileStore, require_owner
from cargo_ai.store.session import ALL_WORKSPACES
from cargo_ai.store.table_sql import copy_sql

TASK = "loadArchive"
AT_ONCE = 200_000
"""This many executions are read when a query asks for them; more by a job, when a person says so."""
KEEP_MS = 7 * 86_400_000

_log = log.get(__name__)

_SPANS = re.compile(r"\bspans\b", re.IGNORECASE)
LOCK = "select read_ms from archived_files where key = %s and workspace_uuid = %s and are_runs_removed and removed_ms is null for update"
CLEAR = "delete from archived_spans where key = %s"
COPY = copy_sql(archived_spans, "key", "workspace_uuid", *SPAN_COLUMNS)
# A run that had to stay when the others of its month went is shown by the journal.
LEAVE_OUT = "delete from archived_spans a where a.key = %s and exists (select from runs r where r.uuid = a.run_uuid)"
READ = "update archived_files set read_ms = %s where key = %s"
FORGET = """
with files as (update archived_files set read_ms = null where read_ms < %s returning key)
delete from archived_spans where key in (select key from files)
"""


async def prepare(ctx: Context, query: str) -> None:
    """Before a query: where it is about spans, read what the workspace has in the archive only; a warning where that is too much."""
    if not _SPANS.search(query):
        return
    files = archived_files.c
    where = (*archive_files.present(ctx.workspace), files.are_runs_removed, files.read_ms.is_(None))
    waiting = (await ctx.db.execute(select(files.key, files.month, files.executions).where(*where).order_by(files.key))).all()
    if not waiting:
        return
    count = sum(row.executions for row in waiting)
    if count <= AT_ONCE:
        missing = set(await _read_files(ctx.services, ctx.workspace, [row.key for row in waiting]))
        gone = sorted({archive_files.shown_month(row.month) for row in waiting if row.key in missing})
        if gone:
            ctx.warn(
                f"Files of the archive are no longer in the file store, so that what they held was not looked at ({', '.join(gone)}). If "
                f"they were removed on purpose: cargo-ai orchestration archive remove --month {gone[-1]}"
            )
        return
    months = sorted({archive_files.shown_month(row.month) for row in waiting})
    ctx.warn(
        f"{count:,} executions are in the archive only and were not looked at ({months[0]} to {months[-1]}). "
        f"Let SQL find them with: cargo-ai orchestration archive load --month {months[-1]}"
    )


@handles(contract.load)
async def load(ctx: Context, request: contract.NamedMonth) -> contract.MonthReply:
    """A job reads the files of the month."""
    months = await archive_files.months_of(ctx.db, ctx.workspace)
    month = next((each for each in months if each.month == request.month), None)
    if month is None:
        contract.load.refuse("monthNotFound", month=request.month, months=archive_files.shown(months))
    if not month.is_in_sql:
        names = {"workspace": str(ctx.workspace), "month": archive_files.stored_month(request.month)}
        await producer().defer(await driver_connection(ctx.db), TASK, "batch", **names)
    return contract.MonthReply(month=month)


class LoadJob:
    """The queue's job that reads a month. A worker that takes it over goes on with the files that are left."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @goes_on
    async def run(self, workspace: str, month: str) -> None:
        """Read the files that SQL does not find yet."""
        files, uid = archived_files.c, uuid.UUID(workspace)
        where = (*archive_files.present(uid), files.month == month, files.are_runs_removed, files.read_ms.is_(None))
        async with self._services.database.session(ALL_WORKSPACES) as db:
            keys = list(await db.scalars(select(files.key).where(*where).order_by(files.key)))
        await _read_files(self._services, uid, keys)


async def _read_files(services: Services, workspace: uuid.UUID, keys: Sequence[str]) -> list[str]:
    """Read files; returns those that are missing, as where an object store removes what is old by a rule of its own."""
    missing: list[str] = []
    for key in keys:
        try:
            async with services.database.session(ALL_WORKSPACES) as db:
                await _read_file(await driver_connection(db), services.files, workspace, key)
                await db.commit()
        except FileMissing:
            _log.warning("a file of the archive is missing", key=key)
            missing.append(key)
    return missing


async def _read_file(connection: Connection, files: FileStore, workspace: uuid.UUID, key: str) -> None:
    """One file, in one transaction; nothing where it is read already."""
    row = await (await connection.execute(LOCK, (key, workspace))).fetchone()
    if row is None or row[0] is not None:
        return
    await connection.execute(CLEAR, (key,))
    async with (
        parquet.temporary_file(files.stream(require_owner(key, workspace))) as path,
        connection.cursor() as cursor,
        cursor.copy(COPY) as copy,
    ):
        async for _, _, rows in parquet.read_lists(path, parquet.Limits(), SPAN_COLUMNS):
            for cells in rows:
                await copy.write_row([key, str(workspace), *(cell or None for cell in cells)])
    await connection.execute(LEAVE_OUT, (key,))
    await connection.execute(READ, (clock.now_ms(), key))


async def forget_unused(connection: Connection) -> None:
    """Forget what was read a week ago."""
    await connection.execute(FORGET, (clock.now_ms() - KEEP_MS,))
