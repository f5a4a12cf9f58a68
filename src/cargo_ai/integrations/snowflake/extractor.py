"""The extractor `table`: the rows of a table or view as records of a model; later only what has changed, where a column says when."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.kit import (
    Cursor,
    ExtractedPage,
    Extractor,
    ExtractRequest,
    Form,
    InvalidConfig,
    ServiceError,
    SourceColumn,
    SourceShape,
    Throttled,
)
from cargo_ai.integrations.kit.tables.changed_rows import changed_field, columns_to_read, key_field, latest
from cargo_ai.integrations.snowflake.fields import table_named
from cargo_ai.integrations.snowflake.results import Result, Statement, fetch, partition, submit
from cargo_ai.integrations.snowflake.statements import quoted
from cargo_ai.integrations.snowflake.tables import Table, columns_sql, table_of

Json = Any
_COMPARED = ("TIMESTAMP", "DATE", "NUMBER")
_GONE = (404, 422)
_TYPES: Mapping[str, ColumnType] = {
    **dict.fromkeys(("NUMBER", "FLOAT", "DECFLOAT"), "number"),
    **dict.fromkeys(("DATE", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"), "date"),
    "BOOLEAN": "boolean",
    "OBJECT": "object",
    "ARRAY": "array",
    "VARIANT": "any",
}


class Rows(Form):
    """Which rows."""

    table: str = table_named()
    key_column: str = key_field()
    changed_column: str = changed_field("timestamp, date or number")


async def _table(request: ExtractRequest) -> tuple[Table, str, str]:
    """The table, and its columns of the key and of changes; "": none."""
    form = request.form(Rows)
    table = await table_of(request.service, form.table)
    changed = table.column(form.changed_column) if form.changed_column else None
    if changed is not None and not changed.kind.startswith(_COMPARED):
        raise InvalidConfig("`changedColumn` must be a timestamp, a date or a number.")
    return table, table.column(form.key_column).name, "" if changed is None else changed.name


async def shape(request: ExtractRequest) -> SourceShape:
    """The columns of the table."""
    table, key, changed = await _table(request)
    columns = tuple(SourceColumn(column.name, _TYPES.get(column.kind, "string"), column.name) for column in table.columns.values())
    time = changed if changed and _TYPES.get(table.columns[changed].kind) == "date" else None
    return SourceShape(columns, id=key, time=time, bookkeeping=frozenset({changed} if changed else ()))


def _statement(request: ExtractRequest, table: Table, key: str, changed: str, since: Json) -> Statement:
    names = columns_to_read(request.columns, table.columns, key, changed)
    text = f"SELECT {columns_sql(names)} FROM {table.sql} WHERE {quoted(key)} IS NOT NULL"  # noqa: S608
    if since is None or not changed:
        return Statement(text)
    later = f"{quoted(changed)} >= {table.columns[changed].cast('?')}"
    return Statement(f"{text} AND {later}", {"1": {"type": "TEXT", "value": str(since)}})


async def pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    """The partitions of the result of one query, which Snowflake keeps for a day.

    A cursor is `{handle, partition, since, high}` within it, `{since}` after it; high: the latest change so far.
    """
    table, key, changed = await _table(request)
    position = dict(cursor or {})
    since = position.get("since") if changed else None
    result = await _resumed(request, position) if position.get("handle") else None
    number = int(position["partition"]) if result is not None else 0
    if result is None:
        result = await _begun(request, _statement(request, table, key, changed, since))
    high = position.get("high", since)
    while True:
        rows = result.records() if number == 0 else await partition(request.service, result, number)
        high = latest(rows, changed, high)
        number += 1
        if number >= result.partitions:
            yield ExtractedPage(rows, {"since": high} if changed else None, more=False)
            return
        yield ExtractedPage(rows, {"handle": result.handle, "partition": number, "since": since, "high": high})


async def _begun(request: ExtractRequest, statement: Statement) -> Result:
    result = await submit(request.service, statement, reads=True)
    if not isinstance(result, Result):
        # Snowflake has waited for 45 seconds already; once more, then the sync comes back later.
        result = await fetch(request.service, result)
    if not isinstance(result, Result):
        raise Throttled(60.0, "Snowflake is still working on it")
    return result


async def _resumed(request: ExtractRequest, position: Mapping[str, Json]) -> Result | None:
    """The result that the walk broke off in; None where Snowflake has forgotten it."""
    try:
        result = await fetch(request.service, str(position["handle"]))
    except ServiceError as error:
        if error.status not in _GONE:
            raise
        return None
    return result if isinstance(result, Result) else None


TABLE = Extractor(
    slug="table",
    name="Rows of a table",
    description="The rows of a table or view, named by a column; later only those that changed, where a column says when.",
    form=Rows,
    shape=shape,
    pages=pages,
    is_incremental=True,
    min_interval=300,
    kind="query",
)
