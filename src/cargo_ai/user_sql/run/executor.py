"""Run checked queries as the workspace's own login, read-only, through a cursor, a few at a time."""

from __future__ import annotations

import asyncio
import secrets as randomness
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakKeyDictionary

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader

from cargo_ai.kernel import clock, log
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.records.catalog import Catalog
from cargo_ai.store.connections.turns import Busy, Turns
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.user_sql.errors import RefusalCause, SqlRefused
from cargo_ai.user_sql.guard import CheckedQuery
from cargo_ai.user_sql.run import cell_values, error_messages, memory_limit, roles
from cargo_ai.user_sql.run.roles import STATEMENT_SECONDS
from cargo_ai.user_sql.run.row_estimate import estimate_scanned_rows

MAX_CONCURRENT = 8
MAX_CONCURRENT_PER_WORKSPACE = 2
WAIT_SECONDS = 10.0
CONNECT_SECONDS = 5
MAX_DOWNLOAD_SECONDS = 600.0
"""Of a whole download; each step of it has the timeout of a statement."""
PAGE_SIZE = 1_000
CHUNK_ROWS = 20
"""Rows that the driver holds at once: each may have 4 MB."""
MAX_COLLECTED_BYTES = 256 * 1024 * 1024
MAX_RESULT_BYTES = 64 * 1024 * 1024

_CAUSES: dict[str, RefusalCause] = {"57014": "time", "42501": "denied"}

_log = log.get(__name__)

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Row = dict[str, Any]


class Unavailable(RuntimeError):
    """The database does not let the workspace's login in, for a reason that is not the query's."""


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of a result. `count`: rows of the whole result, None when it was not asked for. `more`: there are rows after the page.
    `bytes`: roughly how large the page is."""

    rows: list[Row]
    count: int | None
    more: bool
    bytes: int
    is_refreshing: bool = False
    """Whether work on what it was read from is under way."""


class QueryExecutor:
    """Runs queries of one server process. Every query has a connection of its own, which is closed after it: nothing is left over.

    `turns`: those that a query takes one of, unless its caller has.
    """

    def __init__(self, database: Database, secrets: SecretKey) -> None:
        self._database, self._secrets = database, secrets
        self.turns = Turns(MAX_CONCURRENT_PER_WORKSPACE, MAX_CONCURRENT, WAIT_SECONDS)

    async def fetch(
        self,
        checked: CheckedQuery,
        catalog: Catalog,
        *,
        limit: int,
        offset: int = 0,
        count: bool = False,
        seconds: int = STATEMENT_SECONDS,
        most_scanned: int | None = None,
    ) -> ResultPage:
        """Rows `offset` to `offset + limit` of the result. SqlRefused when the database says no; Busy, Unavailable.

        `most_scanned`: a query that reads more rows than this, as the planner expects, is not started.
        """
        async with self._cursor(checked, catalog, seconds, most_scanned) as connection:
            skipped = await _move(connection, f"MOVE FORWARD {offset} IN q") if offset else 0
            rows, weight = list[Row](), 0
            async for row, size in _stream(connection, f"FETCH FORWARD {limit} FROM q", checked.columns):
                rows.append(row)
                weight += size
                if weight > MAX_RESULT_BYTES:
                    raise SqlRefused("The result is too large to be shown: select fewer columns or rows, or download it.")
            if not count:
                more = len(rows) == limit and await _move(connection, "MOVE FORWARD 1 IN q") > 0
                return ResultPage(rows, None, more, weight)
            rest = await _move(connection, "MOVE FORWARD ALL IN q") if len(rows) == limit else 0
            return ResultPage(rows, skipped + len(rows) + rest, rest > 0, weight)

    async def pages(self, checked: CheckedQuery, catalog: Catalog, *, seconds: int = STATEMENT_SECONDS) -> AsyncGenerator[list[Row]]:
        """The whole result in pages. The connection is held until the last one is taken: do not hand it to a slow reader."""
        ends = clock.seconds() + MAX_DOWNLOAD_SECONDS
        async with self._cursor(checked, catalog, seconds) as connection:
            while True:
                page = [row async for row, _ in _stream(connection, f"FETCH FORWARD {PAGE_SIZE} FROM q", checked.columns)]
                if page:
                    yield page
                if len(page) < PAGE_SIZE:
                    return
                if clock.seconds() > ends:
                    raise SqlRefused(f"The download took longer than {MAX_DOWNLOAD_SECONDS / 60:.0f} minutes and was stopped.")

    @asynccontextmanager
    async def _cursor(
        self, checked: CheckedQuery, catalog: Catalog, seconds: int, most_scanned: int | None = None
    ) -> AsyncGenerator[Connection]:
        """A connection with the query open as the cursor `q`. What the database says no to becomes SqlRefused."""
        async with self.turns.take(catalog.workspace):
            connection = await self._connect(checked, catalog)
            try:
                await _open_cursor(connection, checked, seconds, most_scanned)
                yield connection
            except psycopg.Error as error:
                said = error_messages.sentence(error, seconds)
                if said is None:
                    _log.warning("a user's query failed", error=type(error).__name__, state=error.sqlstate)
                    raise Unavailable("The database broke off the query.") from error
                raise SqlRefused(said, about=_CAUSES.get(error.sqlstate or "", "")) from None
            finally:
                await _cancel_and_close(connection)

    async def _connect(self, checked: CheckedQuery, catalog: Catalog) -> Connection:
        await self._admit(checked, catalog, renew=False)
        ends, renewed = clock.seconds() + WAIT_SECONDS, False
        while True:
            try:
                return await self._login(catalog.role)
            except psycopg.OperationalError as error:
                text = str(error)
                if "too many connections" in text or "connection slots" in text:
                    if clock.seconds() > ends:
                        raise Busy from None
                    await asyncio.sleep(0.05 + randomness.randbelow(100) / 1000)
                elif "password authentication failed" in text and not renewed:
                    # The role is older than the present key.
                    renewed = True
                    await self._admit(checked, catalog, renew=True)
                else:
                    _log.error("a workspace's login was refused", role=catalog.role, error=text)
                    raise Unavailable("The database does not let the workspace's login in.") from error

    async def _admit(self, checked: CheckedQuery, catalog: Catalog, *, renew: bool) -> None:
        async with self._database.session(ALL_WORKSPACES) as db:
            raw = await (await db.connection()).get_raw_connection()
            owner = cast("roles.Owner", raw.driver_connection)
            await roles.grant_access(owner, self._secrets, catalog, checked.relations, renew=renew)
            await db.commit()

    async def _login(self, role: str) -> Connection:
        target = conninfo_to_dict(self._database.url)
        target |= {"user": role, "password": roles.password(self._secrets, role), "application_name": "cargo-ai sql"}
        target.pop("options", None)
        connection = await psycopg.AsyncConnection.connect(
            **cast("dict[str, Any]", target), autocommit=False, prepare_threshold=None, connect_timeout=CONNECT_SECONDS
        )
        connection.adapters.register_loader("interval", TextLoader)
        set_json_loads(cell_values.load_json, connection)
        memory_limit.limit_memory(connection.info.backend_pid, role)
        return connection


async def _open_cursor(connection: Connection, checked: CheckedQuery, seconds: int, most_scanned: int | None) -> None:
    """Begin to read. A cursor takes nothing but a SELECT, and `binary` makes the driver use the protocol that takes one statement."""
    await connection.set_read_only(True)
    if seconds != STATEMENT_SECONDS:  # else the login has it
        await connection.execute(f"SET LOCAL statement_timeout = '{int(seconds)}s'".encode())
    if checked.collects or most_scanned is not None:
        plans = await _explain(connection, checked.sql)
        if checked.collects:
            _refuse_collecting(plans)
        if most_scanned is not None and (rows := sum(map(estimate_scanned_rows, plans))) > most_scanned:
            sentence = f"The query would read about {rows:,.0f} rows; at most {most_scanned:,} are allowed. Filter more."
            raise SqlRefused(sentence, about="rows")
    # The size of a row is bounded before it is sent: the driver would have to hold all of it.
    text = f"DECLARE q NO SCROLL CURSOR FOR SELECT * FROM ({checked.sql}) AS q WHERE bq.row_fits(pg_column_size(q.*))"  # noqa: S608
    await connection.execute(text.encode(), binary=True)


async def _explain(connection: Connection, sql: str) -> list[dict[str, Any]]:
    cursor = await connection.execute(f"EXPLAIN (FORMAT JSON) {sql}".encode(), binary=True)
    row = await cursor.fetchone()
    return [cast("dict[str, Any]", entry["Plan"]) for entry in cast("list[dict[str, Any]]", row[0] if row else [])]


def _refuse_collecting(plans: list[dict[str, Any]]) -> None:
    """Look at the plan of a query whose aggregates keep their input: what the planner expects to be too much is not begun."""
    todo = list(plans)
    while todo:
        node = todo.pop()
        below = cast("list[dict[str, Any]]", node.get("Plans", []))
        todo += below
        if node.get("Node Type") in {"Aggregate", "WindowAgg"}:
            collected = sum(float(child.get("Plan Rows", 0)) * max(float(child.get("Plan Width", 0)), 8) for child in below)
            if collected > MAX_COLLECTED_BYTES:
                raise SqlRefused(
                    "STRING_AGG, ARRAY_AGG or their like would collect too much here: filter more, or aggregate fewer columns."
                )


async def _move(connection: Connection, statement: str) -> int:
    cursor = await connection.execute(statement.encode())
    return max(cursor.rowcount, 0)


async def _stream(connection: Connection, statement: str, columns: tuple[str, ...]) -> AsyncIterator[tuple[Row, int]]:
    """Rows by column, and roughly their size."""
    async with connection.cursor() as cursor:
        converters: list[cell_values.Cell] | None = None
        async for row in cursor.stream(statement.encode(), size=_chunk_rows()):
            if converters is None:
                converters = cell_values.cell_converters(connection, cursor.description or [])
            cells = [cell(value) for cell, value in zip(converters, row, strict=True)]
            yield dict(zip(columns, cells, strict=True)), sum(len(cell) if isinstance(cell, str) else 16 for cell in cells)


def _chunk_rows() -> int:
    return CHUNK_ROWS if psycopg.pq.version() >= 170_000 else 1


async def _cancel_and_close(connection: Connection) -> None:
    """End whatever still runs and close."""
    try:
        if connection.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
            await connection.cancel_safe(timeout=2)
    except (psycopg.Error, OSError):
        pass
    finally:
        await connection.close()


_executors: WeakKeyDictionary[Database, QueryExecutor] = WeakKeyDictionary()


def open_executor(database: Database, secrets: SecretKey) -> QueryExecutor:
    """The executor of a process's database, created on first use."""
    executor = _executors.get(database)
    if executor is None:
        executor = _executors[database] = QueryExecutor(database, secrets)
    return executor


def executor_of(database: Database) -> QueryExecutor:
    """The executor that was opened for the database. LookupError when the process has opened none: a bug."""
    executor = _executors.get(database)
    if executor is None:
        raise LookupError("no query executor was opened for this database")
    return executor
