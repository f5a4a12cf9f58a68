"""The extractor `table`: the rows of a table or view as records of a model; later only what has changed, where a column says when."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.big_query.fields import table_named
from cargo_ai.integrations.big_query.jobs import PAGE, Job, Result, Statement, ended, read, results
from cargo_ai.integrations.big_query.tables import Field, Table, quoted, table_of
from cargo_ai.integrations.big_query.values import records, type_of
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

Json = Any
_COMPARED = {"TIMESTAMP", "DATETIME", "DATE", "INT64"}
_TYPES: Mapping[str, ColumnType] = {
    **dict.fromkeys(("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"), "number"),
    **dict.fromkeys(("TIMESTAMP", "DATETIME", "DATE"), "date"),
    "BOOL": "boolean",
    "STRUCT": "object",
    "JSON": "any",
}


class Rows(Form):
    """Which rows."""

    table: str = table_named()
    key_column: str = key_field()
    changed_column: str = changed_field("TIMESTAMP, DATETIME, DATE or INT64")


async def _table(request: ExtractRequest) -> tuple[Table, Rows]:
    form = request.form(Rows)
    table = await table_of(request.service, form.table)
    table.check(form.key_column)
    if form.changed_column:
        table.check(form.changed_column)
        if type_of(table.columns[form.changed_column]) not in _COMPARED:
            raise InvalidConfig(f"`changedColumn` must be of one of the types {', '.join(sorted(_COMPARED))}.")
    return table, form


async def shape(request: ExtractRequest) -> SourceShape:
    """The columns of the table."""
    table, form = await _table(request)
    columns = [
        SourceColumn(
            name,
            "array" if field.get("mode") == "REPEATED" else _TYPES.get(type_of(field), "string"),
            label=name,
            description=str(field["description"]) if field.get("description") else None,
        )
        for name, field in table.columns.items()
    ]
    is_time = form.changed_column and type_of(table.columns[form.changed_column]) != "INT64"
    bookkeeping = frozenset({form.changed_column} if form.changed_column else ())
    return SourceShape(tuple(columns), id=form.key_column, time=form.changed_column if is_time else None, bookkeeping=bookkeeping)


def _statement(request: ExtractRequest, table: Table, form: Rows, since: Json) -> Statement:
    names = columns_to_read(request.columns, table.columns, form.key_column, form.changed_column)
    text = f"SELECT {', '.join(map(quoted, names))} FROM {table.sql} WHERE {quoted(form.key_column)} IS NOT NULL"  # noqa: S608
    if since is None:
        return Statement(text)
    kind = type_of(table.columns[form.changed_column])
    value = {"name": "since", "parameterType": {"type": kind}, "parameterValue": {"value": str(since)}}
    return Statement(f"{text} AND {quoted(form.changed_column)} >= @since", [value])


async def pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    """The pages of the result of one query, which BigQuery keeps for a day.

    A cursor is `{job, location, start, since, high}` within it, `{since}` after it; high: the latest change so far.
    """
    table, form = await _table(request)
    position = dict(cursor or {})
    since = position.get("since") if form.changed_column else None
    statement = _statement(request, table, form, since)
    if position.get("job"):
        page = await _resumed(request, position) or await _begun(request, statement)
    else:
        page = await _begun(request, statement)
    start = int(position.get("start") or 0) if page.job.id == position.get("job") else 0
    high = position.get("high", since)
    fields: list[Field] = [*page.fields]
    while True:
        rows = records(fields, page.rows)
        high = latest(rows, form.changed_column, high)
        start += len(rows)
        if page.page_token is None:
            yield ExtractedPage(rows, {"since": high} if form.changed_column else None, more=False)
            return
        yield ExtractedPage(rows, {**page.job.meta(), "start": start, "since": since, "high": high})
        page = ended(await results(request.service, page.job, start=start))


async def _begun(request: ExtractRequest, statement: Statement) -> Result:
    result = await read(request.service, statement, PAGE)
    for _ in range(10):
        if isinstance(result, Result):
            return result
        result = await results(request.service, result)
    raise Throttled(60.0, "BigQuery is still working on it")


async def _resumed(request: ExtractRequest, position: Mapping[str, Json]) -> Result | None:
    """The page at which the walk broke off; None where BigQuery has forgotten the result."""
    job = cast("Job", Job.of_meta(position))
    try:
        return ended(await results(request.service, job, start=int(position["start"])))
    except ServiceError as error:
        if error.status != 404:
            raise
        return None


async def count(request: ExtractRequest) -> int:
    """How many rows the table has with a key."""
    table, form = await _table(request)
    counted = Statement(f"SELECT COUNT({quoted(form.key_column)}) AS n FROM {table.sql}")  # noqa: S608
    result = await _begun(request, counted)
    return int(records(result.fields, result.rows)[0]["n"])


TABLE = Extractor(
    slug="table",
    name="Rows of a table",
    description="The rows of a table or view, named by a column; later only those that changed, where a column says when.",
    form=Rows,
    shape=shape,
    pages=pages,
    count=count,
    is_incremental=True,
    min_interval=300,
    kind="query",
)
