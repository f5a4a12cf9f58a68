"""Run a user's SQL: check it, execute it, return rows or a file, and log what happened."""

from __future__ import annotations

import asyncio
import json
import tempfile
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import IO, Any

from sqlalchemy import delete, select

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export, Record
from cargo_ai.context.process import Services
from cargo_ai.domains.system_of_record.system_of_record import config_of
from cargo_ai.domains.system_of_record.tables import SqlLog
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.records import incomplete
from cargo_ai.records.catalog import Catalog
from cargo_ai.records.names import quote
from cargo_ai.store.session import Database
from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused
from cargo_ai.user_sql.guard import CheckedQuery
from cargo_ai.user_sql.run import off_loop
from cargo_ai.user_sql.run.executor import ResultPage, Unavailable, executor_of, open_executor

MAX_ROWS = 10_000
MAX_FILE_BYTES = 2 * 1024**3
RETENTION = timedelta(days=30)
PURGE_BATCH = 50


@dataclass(slots=True)
class _LoggedQuery:
    """A query under way. `bytes`: roughly what it gave."""

    database: Database
    workspace: uuid.UUID
    user: uuid.UUID | None
    text: str
    started: datetime
    bytes: int = 0


async def fetch(ctx: Context, text: str, *, limit: int, offset: int = 0, count: bool = False) -> ResultPage:
    """Rows of a query over the workspace's models. SqlRefused when it cannot be run; Refusal: 429 when too many run, 503 without a
    database."""
    async with _log_query(_LoggedQuery(ctx.database, ctx.workspace, ctx.who.user_uuid, text, clock.now())) as asked:
        checked, catalog = await _check_query(ctx.services, ctx.workspace, text)
        seconds = await _seconds(ctx.database, ctx.workspace)
        page = await open_executor(ctx.database, ctx.secrets).fetch(
            checked, catalog, limit=limit, offset=offset, count=count, seconds=seconds
        )
        asked.bytes = page.bytes
        _warn_of_incomplete(ctx, checked, catalog)
        return replace(page, is_refreshing=is_refreshing(checked))


def _warn_of_incomplete(ctx: Context, checked: CheckedQuery, catalog: Catalog) -> None:
    """Warn of the columns that the query reads and that lack values. The statement names each column as `alias."slug"`."""
    read = [ref for relation in checked.relations for ref in incomplete.of_relation(relation) if f".{quote(ref[1])}" in checked.sql]
    for sentence in incomplete.sentences(catalog, read):
        ctx.warn(sentence)


def is_refreshing(checked: CheckedQuery) -> bool:
    """Whether a refresh or a fill of a model that the query reads is under way."""
    return any(relation.is_refreshing for relation in checked.relations)


async def fetch_over(ctx: Context, text: str, catalog: Catalog, *, limit: int, most_scanned: int) -> ResultPage:
    """The same over other tables than the workspace's models, in ClickHouse's spelling first, within the usual time; what goes through
    more than `most_scanned` rows is refused."""
    async with _log_query(_LoggedQuery(ctx.database, ctx.workspace, ctx.who.user_uuid, text, clock.now())) as asked:
        checked = await _check_text(text, catalog, clickhouse=True)
        page = await open_executor(ctx.database, ctx.secrets).fetch(checked, catalog, limit=limit, most_scanned=most_scanned)
        asked.bytes = page.bytes
        return page


async def fetch_tables(services: Services, user: uuid.UUID | None, text: str, catalog: Catalog, *, limit: int) -> ResultPage:
    """The same over tables that the caller has made of the workspace's models, within the workspace's time for a statement."""
    workspace = catalog.workspace
    async with _log_query(_LoggedQuery(services.database, workspace, user, text, clock.now())) as asked:
        checked = await _check_text(text, catalog)
        seconds = await _seconds(services.database, workspace)
        page = await open_executor(services.database, services.secrets).fetch(checked, catalog, limit=limit, seconds=seconds)
        asked.bytes = page.bytes
        return replace(page, is_refreshing=is_refreshing(checked))


async def sign_download(ctx: Context, text: str, format: str | None) -> tuple[str, bool]:
    """The URL of a file of everything that a query gives, and whether work on what it reads is under way. SqlRefused when it cannot be run;
    Refusal for an unknown format."""
    checked, catalog = await _check_query(ctx.services, ctx.workspace, text)
    _warn_of_incomplete(ctx, checked, catalog)
    return exports.sign(ctx, "query", {"query": text}, format), is_refreshing(checked)


async def _check_query(services: Services, workspace: uuid.UUID, text: str) -> tuple[CheckedQuery, Catalog]:
    catalog = await catalog_of(services, workspace)
    return await _check_text(text, catalog), catalog


async def _check_text(text: str, catalog: Catalog, *, clickhouse: bool = False) -> CheckedQuery:
    return await off_loop.compute(catalog.workspace, len(text), guard.check, text, catalog, clickhouse=clickhouse)


async def _seconds(database: Database, workspace: uuid.UUID) -> int:
    """How long a statement may take."""
    async with database.session(workspace) as db:
        return (await config_of(db, workspace)).statement_timeout_seconds


async def catalog_of(services: Services, workspace: uuid.UUID) -> Catalog:
    """What the workspace has. In a session of its own, so that none is held while a query runs."""
    read = services.hooks.catalog
    if read is None:
        raise RuntimeError("no domain says what a workspace has")
    async with services.database.session(workspace) as db:
        return await read(db, workspace)


@asynccontextmanager
async def _log_query(asked: _LoggedQuery) -> AsyncGenerator[_LoggedQuery]:
    """Write into the log what became of the query, also when it fails, in a transaction of its own."""
    try:
        yield asked
    except SqlRefused as refused:
        await _write_log(asked, refused.sentence)
        raise
    except Unavailable as error:
        raise Refusal(503, "databaseUnavailable", f"{error} Try again in a moment.", headers={"Retry-After": "2"}) from error
    else:
        await _write_log(asked, None)


async def _write_log(asked: _LoggedQuery, error: str | None) -> None:
    async with asked.database.session(asked.workspace) as db:
        now = clock.now()
        db.add(
            SqlLog(
                workspace_uuid=asked.workspace,
                user_uuid=asked.user,
                query=asked.text.replace("\0", ""),
                status="error" if error else "success",
                error_message=error,
                processed_bytes_count=asked.bytes,
                started_at=asked.started,
                finished_at=now,
            )
        )
        # Each query sweeps a few old ones out.
        old = select(SqlLog.uuid).where(SqlLog.created_at < now - RETENTION).order_by(SqlLog.created_at).limit(PURGE_BATCH)
        await db.execute(delete(SqlLog).where(SqlLog.uuid.in_(old.scalar_subquery())))
        await db.commit()


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """All rows of a query. They are read as fast as they come into a file of ours, and sent from there: no slow reader holds a login."""
    text = str(params["query"])
    try:
        checked, catalog = await _check_query(services, workspace, text)
    except SqlRefused as refused:
        raise _to_refusal(refused) from None
    asked = _LoggedQuery(services.database, workspace, None, text, clock.now())
    return Export(_rows(asked, checked, catalog, await _seconds(services.database, workspace)), list(checked.columns), "query")


async def _rows(asked: _LoggedQuery, checked: CheckedQuery, catalog: Catalog, seconds: int) -> AsyncGenerator[list[Record]]:
    with tempfile.TemporaryFile("w+b") as file:
        try:
            async with _log_query(asked), aclosing(executor_of(asked.database).pages(checked, catalog, seconds=seconds)) as pages:
                async for page in pages:
                    asked.bytes += await asyncio.to_thread(_write, file, page)
                    if asked.bytes > MAX_FILE_BYTES:
                        raise SqlRefused(f"The download is larger than {MAX_FILE_BYTES // 1024**3} GB: select fewer rows or columns.")
        except SqlRefused as refused:
            raise _to_refusal(refused) from None
        file.seek(0)
        while line := await asyncio.to_thread(file.readline):
            yield json.loads(line)


def _write(file: IO[bytes], page: list[dict[str, Any]]) -> int:
    """A page is one line."""
    return file.write(json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def _to_refusal(refused: SqlRefused) -> Refusal:
    return Refusal(400, "invalidQuery", refused.sentence)
