"""What forms offer: the tables of the project, the columns of one, and a row of it as a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.big_query.client import path
from cargo_ai.integrations.big_query.tables import Table, table_of
from cargo_ai.integrations.big_query.values import type_of
from cargo_ai.integrations.kit import Autocomplete, Choice, DynamicSchema, FormRequest, InvalidConfig, cursor, items_of, narrowed
from cargo_ai.integrations.kit.autocomplete import MAX_CHOICES, Params

Json = Any
_PAGE = 500
_MAX_DATASETS = 50
_TABLE: Mapping[str, Json] = {
    "type": "object",
    "properties": {"table": {"type": "string", "minLength": 1}},
    "required": ["table"],
    "additionalProperties": False,
}


async def _listed(request: FormRequest, items: str, *parts: str) -> list[Mapping[str, Json]]:
    """The items of a list, as many as a form can show."""
    where = path(request.service, *parts)
    listed: list[Mapping[str, Json]] = []
    pages = cursor(
        lambda token: request.service.get(where, query={"maxResults": _PAGE, "pageToken": token}), items=items, next="nextPageToken"
    )
    async for item in items_of(pages):
        listed.append(item)
        if len(listed) == MAX_CHOICES:
            break
    return listed


async def _tables(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    """The tables of the datasets that what was typed may belong to."""
    datasets = [str(item["datasetReference"]["datasetId"]) for item in await _listed(request, "datasets", "datasets")]
    text, dot, _ = (typed or "").partition(".")
    choices: list[Choice] = []
    for dataset in [name for name in datasets if not dot or name == text][:_MAX_DATASETS]:
        tables = await _listed(request, "tables", "datasets", dataset, "tables")
        names = [(f"{dataset}.{item['tableReference']['tableId']}", str(item.get("type", "TABLE")).lower()) for item in tables]
        choices += [Choice(name, name, kind) for name, kind in names]
        if len(choices) >= MAX_CHOICES:
            break
    return narrowed(choices, typed)


async def _table(request: FormRequest, params: Params) -> Table:
    name = params.get("table")
    if not isinstance(name, str) or not name.strip():
        raise InvalidConfig("`table` is missing: choose a table first.")
    return await table_of(request.service, name)


async def _columns(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    columns = (await _table(request, params)).columns
    return narrowed([Choice(name, name, type_of(field)) for name, field in columns.items()], typed)


async def _row(request: FormRequest, params: Params) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    columns = (await _table(request, params)).columns
    properties = {name: {"title": name, "description": str(field.get("description") or type_of(field))} for name, field in columns.items()}
    required = [name for name, field in columns.items() if field.get("mode") == "REQUIRED"]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}, {}


AUTOCOMPLETES: Mapping[str, Autocomplete] = {"listTables": Autocomplete(_tables), "listColumns": Autocomplete(_columns, _TABLE)}
SCHEMAS: Mapping[str, DynamicSchema] = {"row": DynamicSchema(_row, _TABLE)}
