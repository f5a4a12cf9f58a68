"""What forms offer: the tables that the role sees, the columns of one, and a row of it as a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.kit import Autocomplete, Choice, DynamicSchema, FormRequest, InvalidConfig, narrowed
from cargo_ai.integrations.kit.autocomplete import MAX_CHOICES, Params
from cargo_ai.integrations.snowflake.results import Statement, collected, finish, submit
from cargo_ai.integrations.snowflake.statements import PLAIN, quoted
from cargo_ai.integrations.snowflake.tables import Table, table_of

Json = Any
_SECONDS = 30
_TABLE: Mapping[str, Json] = {
    "type": "object",
    "properties": {"table": {"type": "string", "minLength": 1}},
    "required": ["table"],
    "additionalProperties": False,
}


async def _tables(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    database = str(request.connector_config.get("database") or "").strip()
    where = f"DATABASE {quoted(database)}" if database else "ACCOUNT"
    statement = Statement(f"SHOW TERSE OBJECTS IN {where} LIMIT {MAX_CHOICES}", seconds=_SECONDS)
    result = await finish(request.service, await submit(request.service, statement, reads=True))
    rows, _ = await collected(request.service, result, MAX_CHOICES)
    names = [
        (".".join(_shown(str(row[part])) for part in ("database_name", "schema_name", "name")), str(row["kind"]).lower()) for row in rows
    ]
    return narrowed([Choice(name, name, kind) for name, kind in names], typed)


def _shown(name: str) -> str:
    """A name as people have to write it."""
    return name if PLAIN.fullmatch(name) else quoted(name)


async def _table(request: FormRequest, params: Params) -> Table:
    name = params.get("table")
    if not isinstance(name, str) or not name.strip():
        raise InvalidConfig("`table` is missing: choose a table first.")
    return await table_of(request.service, name)


async def _columns(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    columns = (await _table(request, params)).columns.values()
    return narrowed([Choice(column.name, column.name, column.type) for column in columns], typed)


async def _row(request: FormRequest, params: Params) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    columns = (await _table(request, params)).columns.values()
    properties = {column.name: {"title": column.name, "description": column.type} for column in columns}
    required = [column.name for column in columns if column.is_required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}, {}


AUTOCOMPLETES: Mapping[str, Autocomplete] = {"listTables": Autocomplete(_tables), "listColumns": Autocomplete(_columns, _TABLE)}
SCHEMAS: Mapping[str, DynamicSchema] = {"row": DynamicSchema(_row, _TABLE)}
