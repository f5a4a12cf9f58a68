"""Autocompletes and the dynamic schema of databases: tables, columns, the columns of one table as a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import Autocomplete, Choice, DynamicSchema, FormRequest, InvalidConfig
from cargo_ai.integrations.kit.autocomplete import Params
from cargo_ai.integrations.sql.account import dialect_of
from cargo_ai.integrations.sql.catalog import columns, tables

Json = Any
_TABLE: Mapping[str, Json] = {
    "type": "object",
    "properties": {"table": {"type": "string", "minLength": 1}},
    "required": ["table"],
    "additionalProperties": False,
}


async def _tables(request: FormRequest, _params: Params, value: str | None) -> list[Choice]:
    dialect = dialect_of(request.connector_config)
    known = await tables(request.service, dialect)
    shown = [table if schema == "public" or dialect == "mysql" else f"{schema}.{table}" for schema, table in known]
    return [Choice(name, name) for name in shown if (value or "").lower() in name.lower()]


async def _columns(request: FormRequest, params: Params, value: str | None) -> list[Choice]:
    known = await columns(request.service, dialect_of(request.connector_config), _table_of(params))
    return [Choice(column.name, column.name, column.type) for column in known.values() if (value or "").lower() in column.name.lower()]


async def _row(request: FormRequest, params: Params) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    known = await columns(request.service, dialect_of(request.connector_config), _table_of(params))
    properties = {column.name: {"title": column.name, "description": column.type} for column in known.values()}
    required = [column.name for column in known.values() if not column.is_nullable and not column.has_default]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}, {}


def _table_of(params: Params) -> str:
    table = params.get("table")
    if not isinstance(table, str) or not table.strip():
        raise InvalidConfig("`table` is missing: choose a table first.")
    return table


AUTOCOMPLETES = {"listTables": Autocomplete(_tables), "listColumns": Autocomplete(_columns, _TABLE)}
SCHEMAS = {"row": DynamicSchema(_row, _TABLE)}
