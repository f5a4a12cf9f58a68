"""Unload: the records of a model as the database itself writes them, piece by piece in the order of their ids."""

from __future__ import annotations

from typing import Literal

from cargo_ai.warehouse.catalog import Column, Relation
from cargo_ai.warehouse.driver import Connection, execute, fetch
from cargo_ai.warehouse.load import LINES
from cargo_ai.warehouse.names import quoted
from cargo_ai.warehouse.rows import shown_columns, source, view

Form = Literal["csv", "ndjson", "table"]
FIRST_ROWS = 500
MOST_ROWS = 20_000
PIECE_BYTES = 3 * 1024**2


async def piece(connection: Connection, relation: Relation, form: Form, last: str, count: int) -> tuple[bytes, str | None]:
    """The next `count` records after the id `last` ('' begins) as whole lines, and the last id among them; None when no more follow.

    `csv`: without a header, values as the API shows them; `ndjson`: a JSON object per line; `table`: CSV whose moments are as the
    database writes them, which is three times faster.
    """
    await execute(connection, "set local timezone = 'UTC'")
    query = f"select _id from {source(relation)} where _id > %s order by _id limit 1 offset %s"  # noqa: S608 - names, quoted
    found = await fetch(connection, query, [last, count - 1])
    until = str(found[0][0]) if found else None
    columns = ", ".join(_shown(column, form) for column in shown_columns(relation))
    rows = f"select {columns} from {view(relation)} where _id > %(last)s{'' if until is None else ' and _id <= %(until)s'} order by _id"  # noqa: S608
    how = f"copy (select row_to_json(r) from ({rows}) as r) to stdout {LINES}"  # noqa: S608 - names, quoted
    statement = how if form == "ndjson" else f"copy ({rows}) to stdout (format csv)"
    async with connection.cursor() as cursor, cursor.copy(statement.encode(), {"last": last, "until": until}) as copy:
        return b"".join([bytes(part) async for part in copy]), until


def next_count(count: int, size: int) -> int:
    """How many records to take next, given what the last ones weighed: pieces stay near three megabytes."""
    return max(50, min(MOST_ROWS, 4 * count, count * PIECE_BYTES // max(size, 1)))


def _shown(column: Column, form: Form) -> str:
    name = quoted(column.slug)
    if column.type == "date" and form != "table":
        return f"to_char({name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') as {name}"
    if column.type == "boolean" and form == "csv":
        return f"{name}::text as {name}"
    if column.type == "vector":
        return f"{name}::text{'::jsonb' if form == 'ndjson' else ''} as {name}"
    return name
