"""Unload: the records of a model as the database itself writes them, piece by piece in the order of their ids."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal

from psycopg.abc import PQGen
from psycopg.generators import copy_from
from psycopg.pq.abc import PGconn

from cargo_ai.records.bulk.load import LINES
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.names import quoted
from cargo_ai.records.rows import shown_columns, source, view
from cargo_ai.store.driver import Connection, execute, fetch

Form = Literal["csv", "ndjson", "table"]
Opened = Callable[[], AbstractAsyncContextManager[Connection]]
"""Gives a connection for a short time."""

FIRST_ROWS = 500
MOST_ROWS = 20_000
PIECE_BYTES = 2 * 1024**2
AHEAD = 2
"""Pieces that are made at a time for one reader: the database writes the next ones while one is being sent."""
MOST_AT_ONCE = 4
"""Pieces that are made at a time for all readers of a process: the others wait, so that downloads never take all connections."""

_places: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()
_EMITTED = "_emitted"
"""`_emitted_at` as text, within a statement. A column's own slug never begins with an underscore."""


async def pieces(opened: Opened, relation: Relation, form: Form) -> AsyncGenerator[bytes]:
    """All records as whole lines. No connection is held while a piece is being read.

    `csv`: without a header, values as the API shows them; `ndjson`: a JSON object per line; `table`: CSV whose moments are as the
    database writes them, which is faster.
    """
    making: deque[tuple[int, asyncio.Task[bytes]]] = deque()
    last: str | None = ""
    count = FIRST_ROWS
    try:
        while last is not None or making:
            while last is not None and len(making) < AHEAD:
                until = await _end(opened, relation, last, count)
                making.append((count, asyncio.create_task(_piece(opened, relation, form, last, until))))
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


def next_count(count: int, size: int) -> int:
    """How many records to take next, given what the last ones weighed: pieces stay near two megabytes."""
    return max(50, min(MOST_ROWS, 4 * count, count * PIECE_BYTES // max(size, 1)))


async def _end(opened: Opened, relation: Relation, last: str, count: int) -> str | None:
    """The id of the last of the next `count` records after `last` ('' begins); None when no more follow."""
    query = f"select _id from {source(relation)} where _id > %s order by _id limit 1 offset %s"  # noqa: S608 - names, quoted
    async with opened() as connection:
        found = await fetch(connection, query, [last, count - 1])
    return str(found[0][0]) if found else None


async def _piece(opened: Opened, relation: Relation, form: Form, last: str, until: str | None) -> bytes:
    statement = _statement(relation, form, "" if until is None else " and _id <= %(until)s")
    places = _places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MOST_AT_ONCE))
    async with places, opened() as connection:
        await execute(connection, "set local timezone = 'UTC'")
        async with connection.cursor() as cursor, cursor.copy(statement.encode(), {"last": last, "until": until}):
            return await connection.wait(_all(connection.pgconn))


def _all(pgconn: PGconn) -> PQGen[bytes]:
    """Everything that a COPY gives. Waiting for each row by itself would cost more than the row."""
    whole = bytearray()
    while isinstance(part := (yield from copy_from(pgconn)), memoryview):
        whole += part
    return bytes(whole)


def _statement(relation: Relation, form: Form, more: str) -> str:
    """The COPY of the rows after `last`. Most records have one moment for all that has happened to them: it is written once."""
    columns = shown_columns(relation)
    names = ", ".join(quoted(column.slug) for column in columns)
    # Without the offset the planner would write the moment into every place where it is used.
    rows = (
        f"select {names}, {_moment('_emitted_at', form)} as {_EMITTED} from {view(relation)} "  # noqa: S608 - names, quoted
        f"where _id > %(last)s{more} order by _id offset 0"
    )
    query = f"select {', '.join(_shown(column, form) for column in columns)} from ({rows}) as r"  # noqa: S608 - names, quoted
    if form == "ndjson":
        return f"copy (select row_to_json(l) from ({query}) as l) to stdout {LINES}"  # noqa: S608 - names, quoted
    return f"copy ({query}) to stdout (format csv)"


def _shown(column: Column, form: Form) -> str:
    name = quoted(column.slug)
    if column.slug == "_emitted_at":
        return f"{_EMITTED} as {name}"
    if column.type == "date":
        text = _moment(column.slug, form)
        if column.kind == "system":
            text = f"case when {name} = _emitted_at then {_EMITTED} else {text} end"
        return f"{text} as {name}"
    if column.type == "boolean" and form == "csv":
        return f"{name}::text as {name}"
    if column.type == "vector":
        return f"{name}::text{'::jsonb' if form == 'ndjson' else ''} as {name}"
    return name


def _moment(slug: str, form: Form) -> str:
    name = quoted(slug)
    return f"{name}::text" if form == "table" else f"to_char({name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
