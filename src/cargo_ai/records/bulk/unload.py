"""Read all records of a model in chunks, in the order of their ids, as the database writes them with COPY."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Literal

from psycopg.abc import PQGen
from psycopg.generators import copy_from
from psycopg.pq.abc import PGconn

from cargo_ai.records.bulk.load import COPY_LINES
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import quote
from cargo_ai.records.rows import all_columns, view_name
from cargo_ai.store.driver import Connection, execute, fetch

ExportFormat = Literal["csv", "ndjson", "table"]
OpenConnection = Callable[[], AbstractAsyncContextManager[Connection]]
"""Gives a connection for a short time."""

FIRST_ROWS = 500
MAX_ROWS = 20_000
CHUNK_BYTES = 2 * 1024**2
PART_BYTES = 256 * 1024
CHUNKS_AHEAD = 2
"""Pieces that are made at a time for one reader: the database writes the next ones while one is being sent."""
MAX_CONCURRENT_CHUNKS = 4
"""Pieces that are made at a time for all readers of a process: the others wait, so that downloads never take all connections."""

_semaphores: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()
_EMITTED_TEXT = "_emitted"
"""`_emitted_at` as text, within a statement. A column's own slug never begins with an underscore."""


async def chunks(opened: OpenConnection, relation: Relation, form: ExportFormat) -> AsyncGenerator[bytes]:
    """All records as whole lines. No connection is held while a piece is being read.

    `csv`: without a header, values as the API shows them; `ndjson`: a JSON object per line; `table`: CSV whose moments are as the
    database writes them, which is faster.
    """
    making: deque[tuple[int, asyncio.Task[bytes]]] = deque()
    last: str | None = ""
    count = FIRST_ROWS
    try:
        while last is not None or making:
            while last is not None and len(making) < CHUNKS_AHEAD:
                until = await _last_id(opened, relation, last, count)
                making.append((count, asyncio.create_task(_read_chunk(opened, relation, form, last, until))))
                last = until
            taken, task = making[0]
            part = await task
            making.popleft()
            count = next_count(taken, len(part))
            if part:
                yield part
    finally:
        for _, task in making:
            task.cancel()
        await asyncio.gather(*(task for _, task in making), return_exceptions=True)


async def chunks_of(
    opened: OpenConnection, relation: Relation, columns: Sequence[Column], form: ExportFormat, pages: AsyncGenerator[list[str]]
) -> AsyncGenerator[bytes]:
    """Some columns of the records of these ids as whole lines, in their order; ids that are not there any more are left out."""
    names = ", ".join(f"r.{quote(column.slug)}" for column in columns)
    rows = (
        f"select {names} from {view_name(relation)} as r join unnest(%(ids)s::text[]) with ordinality as chosen (id, no) "  # noqa: S608 - names, quoted
        "on chosen.id = r._id order by chosen.no offset 0"
    )
    shown = ", ".join(_column_expression(column, form, has_emitted=False) for column in columns)
    statement = _copy_of(f"select {shown} from ({rows}) as r", form)  # noqa: S608 - names, quoted
    async with aclosing(pages):
        async for ids in pages:
            if part := await _copied(opened, statement, {"ids": ids}):
                yield part


async def chunks_in_order(
    opened: OpenConnection, query: str, values: Callable[[], Mapping[str, object]], columns: Sequence[Column], form: ExportFormat
) -> AsyncGenerator[bytes]:
    """The rows of a query with these columns as whole lines, by one statement, in its order. A connection is held until the last piece
    is taken. `values`: of the query, asked for once there is a connection."""
    shown = ", ".join(_column_expression(column, form, has_emitted=False) for column in columns)
    statement = _copy_of(f"select {shown} from ({query} offset 0) as r", form)  # noqa: S608 - names, quoted
    async with opened() as connection:
        await execute(connection, "set local timezone = 'UTC'")
        async with connection.cursor() as cursor, cursor.copy(statement.encode(), values()):
            size = PART_BYTES
            while size >= PART_BYTES:
                part = await connection.wait(_read_some(connection.pgconn))
                size = len(part)
                if part:
                    yield part


def next_count(count: int, size: int) -> int:
    """How many records to take next, given what the last ones weighed: pieces stay near two megabytes."""
    return max(50, min(MAX_ROWS, 4 * count, count * CHUNK_BYTES // max(size, 1)))


async def _last_id(opened: OpenConnection, relation: Relation, last: str, count: int) -> str | None:
    """The id of the last of the next `count` records after `last` ('' begins); None when no more follow."""
    query = f"select _id from {table_name(relation)} where _id > %s order by _id limit 1 offset %s"  # noqa: S608 - names, quoted
    async with opened() as connection:
        rows = await fetch(connection, query, [last, count - 1])
    return str(rows[0][0]) if rows else None


async def _read_chunk(opened: OpenConnection, relation: Relation, form: ExportFormat, last: str, until: str | None) -> bytes:
    statement = _copy_statement(relation, form, "" if until is None else " and _id <= %(until)s")
    return await _copied(opened, statement, {"last": last, "until": until})


async def _copied(opened: OpenConnection, statement: str, values: Mapping[str, object]) -> bytes:
    """What one COPY writes."""
    places = _semaphores.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MAX_CONCURRENT_CHUNKS))
    async with places, opened() as connection:
        await execute(connection, "set local timezone = 'UTC'")
        async with connection.cursor() as cursor, cursor.copy(statement.encode(), values):
            return await connection.wait(_read_all(connection.pgconn))


def _read_all(pgconn: PGconn) -> PQGen[bytes]:
    """Everything that a COPY gives. Waiting for each row by itself would cost more than the row."""
    whole = bytearray()
    while isinstance(part := (yield from copy_from(pgconn)), memoryview):
        whole += part
    return bytes(whole)


def _read_some(pgconn: PGconn) -> PQGen[bytes]:
    """The next rows that a COPY gives; fewer than `PART_BYTES` at its end, after which there is nothing to be read."""
    some = bytearray()
    while len(some) < PART_BYTES and isinstance(part := (yield from copy_from(pgconn)), memoryview):
        some += part
    return bytes(some)


def _copy_statement(relation: Relation, form: ExportFormat, more: str) -> str:
    """The COPY of the rows after `last`. Most records have one moment for all that has happened to them: it is written once."""
    columns = all_columns(relation)
    names = ", ".join(quote(column.slug) for column in columns)
    # Without the offset the planner would write the moment into every place where it is used.
    rows = (
        f"select {names}, {_timestamp_text('_emitted_at', form)} as {_EMITTED_TEXT} from {view_name(relation)} "  # noqa: S608 - names, quoted
        f"where _id > %(last)s{more} order by _id offset 0"
    )
    query = f"select {', '.join(_column_expression(column, form) for column in columns)} from ({rows}) as r"  # noqa: S608 - names, quoted
    return _copy_of(query, form)


def _copy_of(query: str, form: ExportFormat) -> str:
    if form == "ndjson":
        return f"copy (select row_to_json(l) from ({query}) as l) to stdout {COPY_LINES}"  # noqa: S608 - names, quoted
    return f"copy ({query}) to stdout (format csv)"


def _column_expression(column: Column, form: ExportFormat, *, has_emitted: bool = True) -> str:
    name = quote(column.slug)
    if column.slug == "_emitted_at":
        return f"{_EMITTED_TEXT} as {name}"
    if column.type == "date":
        text = _timestamp_text(column.slug, form)
        if column.kind == "system" and has_emitted:
            text = f"case when {name} = _emitted_at then {_EMITTED_TEXT} else {text} end"
        return f"{text} as {name}"
    if column.type == "boolean" and form == "csv":
        return f"{name}::text as {name}"
    if column.type == "vector":
        return f"{name}::text{'::jsonb' if form == 'ndjson' else ''} as {name}"
    return name


def _timestamp_text(slug: str, form: ExportFormat) -> str:
    name = quote(slug)
    return f"{name}::text" if form == "table" else f"to_char({name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
