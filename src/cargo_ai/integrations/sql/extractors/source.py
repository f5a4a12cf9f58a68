"""Sources of rows: a table, or what a statement gives, with a column that tells rows apart; read page by page in its order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.kit import ExtractRequest, Form, InvalidConfig, Record, SourceColumn, SourceShape, ui
from cargo_ai.integrations.sql.account import dialect_of
from cargo_ai.integrations.sql.catalog import columns
from cargo_ai.integrations.sql.connections import transact
from cargo_ai.integrations.sql.database import Rows
from cargo_ai.integrations.sql.statement import Dialect, quoted, quoted_table

Json = Any
SAMPLE = 100
"""Rows of a statement from whose values the types of its columns are taken."""
PAGE = 1_000
MAX_COLUMNS = 500


class RowsOf(Form):
    """Which rows."""

    table: str = Field(
        default="",
        title="Table",
        description="table or schema.table; or write a statement into `query`.",
        max_length=260,
        json_schema_extra=ui(widget="IntegrationAutocompleteWidget", options={"slug": "listTables"}),
    )
    query: str = Field(
        default="",
        title="SQL",
        description="One SELECT in the database's own SQL, in place of a table; without ORDER BY and LIMIT.",
        max_length=100_000,
        json_schema_extra=ui(widget="SqlWidget"),
    )
    id_column: str = Field(title="Id column", description="The column whose values tell rows apart; best one with an index.", min_length=1)
    title_column: str | None = Field(default=None, title="Title column", description="The column that names a row to people.")
    time_column: str | None = Field(default=None, title="Time column", description="The column that says when a row came to be.")


_KINDS: tuple[tuple[str, ColumnType], ...] = (
    (r".*\[\]", "array"),
    (r"bool.*|tinyint\(1\)", "boolean"),
    (r"(small|big|medium|tiny)?int(eger)?\d*\b.*|serial.*|bigserial.*|numeric.*|decimal.*|real|double.*|float.*", "number"),
    (r"timestamp.*|datetime.*|date", "date"),
    (r"jsonb?", "any"),
)


def dialect(request: ExtractRequest) -> Dialect:
    """The kind of database."""
    return dialect_of(request.connector_config)


def from_clause(form: RowsOf, kind: Dialect) -> str:
    """What the rows are selected from, as `source`. InvalidConfig unless there is a table or a statement."""
    if bool(form.table.strip()) is bool(form.query.strip()):
        raise InvalidConfig("give either `table` or `query`.")
    if form.table.strip():
        return f"{quoted_table(form.table, kind)} AS source"
    # In brackets it can be nothing but a query, in a transaction that can change nothing.
    return f"({form.query.strip().rstrip(';').replace('%', '%%')}\n) AS source"


async def select(request: ExtractRequest, text: str, values: Mapping[str, Json], limit: int) -> Rows:
    """Rows of a statement that only reads."""
    (rows,) = await transact(request.service, [(text, values)], read_only=True, limit=limit)
    return rows


async def shape_of(request: ExtractRequest, form: RowsOf) -> SourceShape:
    """The columns. InvalidConfig where the roles name others."""
    kind = dialect(request)
    known = await _table_columns(request, form, kind) if form.table.strip() else await _statement_columns(request, form, kind)
    if len(known) > MAX_COLUMNS:
        raise InvalidConfig(f"there are more than {MAX_COLUMNS} columns: select some of them in a `query`.")
    for role, name in (("idColumn", form.id_column), ("titleColumn", form.title_column), ("timeColumn", form.time_column)):
        if name is not None and name not in known:
            raise InvalidConfig(f"`{role}` names {name}, which is not one of the columns: {', '.join(list(known)[:20])}.")
    # An id is a text: numbers of 64 bits do not fit into those of JSON.
    named = {name: "string" if name == form.id_column else column for name, column in known.items()}
    return SourceShape(
        tuple(SourceColumn(name, column, name) for name, column in named.items()),  # pyright: ignore[reportArgumentType]  # its types
        form.id_column,
        form.title_column or form.id_column,
        form.time_column,
    )


async def _table_columns(request: ExtractRequest, form: RowsOf, kind: Dialect) -> dict[str, ColumnType]:
    from_clause(form, kind)
    return {column.name: type_of(column.type) for column in (await columns(request.service, kind, form.table)).values()}


def type_of(declared: str) -> ColumnType:
    """The type of a model's column for one of the database."""
    for pattern, column in _KINDS:
        if re.fullmatch(pattern, declared.lower()):
            return column
    return "string"


async def _statement_columns(request: ExtractRequest, form: RowsOf, kind: Dialect) -> dict[str, ColumnType]:
    # The names of the columns come with rows: there is one of nulls where the statement gives nothing.
    text = f"SELECT source.* FROM (SELECT 1 AS one) AS probe LEFT JOIN {from_clause(form, kind)} ON TRUE LIMIT {SAMPLE}"  # noqa: S608
    sample = await select(request, text, {}, SAMPLE)
    twice = next((name for name in sample.columns if sample.columns.count(name) > 1), None)
    if twice is not None:
        raise InvalidConfig(f"`query` gives two columns {twice}: name one of them otherwise with AS.")
    return {name: _type_of_values([row.get(name) for row in sample.rows]) for name in sample.columns}


def _type_of_values(values: list[Json]) -> ColumnType:
    present = [value for value in values if value is not None]
    types: set[ColumnType] = {_type_of_value(value) for value in present}
    return types.pop() if len(types) == 1 else "string" if not types or types <= {"string", "date", "number", "boolean"} else "any"


def _type_of_value(value: Json) -> ColumnType:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case dict():
            return "object"
        case list():
            return "array"
        case _:
            return "date" if moment_of(value) is not None else "string"


def moment_of(value: Json) -> datetime | None:
    """The time that a value says, as databases give times."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d{2}-\d{2}(T|$)", value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def record_of(row: Mapping[str, Json]) -> Record:
    """A row as a record."""
    return dict(row)


def order_by(form: RowsOf, kind: Dialect, *names: str) -> str:
    """The order of pages."""
    return ", ".join(f"source.{quoted(name, kind)}" for name in (*names, form.id_column))


async def count_of(request: ExtractRequest, form: RowsOf, where: str = "") -> int:
    """How many rows there are."""
    rows = await select(request, f"SELECT count(*) AS n FROM {from_clause(form, dialect(request))}{where}", {}, 1)  # noqa: S608
    return int(rows.rows[0]["n"])
