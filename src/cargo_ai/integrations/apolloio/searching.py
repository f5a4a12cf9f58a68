"""Searches: map filters to Apollo's names, and read pages until there are enough results."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from pydantic import Field

from cargo_ai.integrations.kit import Answer, Done, Form, InvalidConfig, Page, Service, ServiceError, Throttled, page, ui
from cargo_ai.integrations.kit.errors import at

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 100
MAX = 1_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,80}(\[(min|max)?\])?")
_OURS = {"page", "per_page", "api_key"}


class Search(Form):
    """What to search for."""

    filters: dict[str, Json] = Field(
        default={},
        title="Filters",
        description="By Apollo's names, such as person_titles, q_organization_domains_list or organization_num_employees_ranges: a text, "
        "a list, or {min, max}.",
        json_schema_extra=ui(widget="ExpressionWidget"),
    )
    limit: int = Field(default=25, ge=1, le=MAX, title="At most", description="How many are given.")


def query_of(filters: JsonObject) -> dict[str, Json]:
    """The filters as they stand in an address: lists as `name[]`, ranges as `name[min]` and `name[max]`."""
    query: dict[str, Json] = {}
    for name, value in filters.items():
        plain = name.removesuffix("[]")
        if not _NAME.fullmatch(name) or plain in _OURS:
            raise InvalidConfig(f"`filters` has {name[:100]!r}, which is not a filter of Apollo.")
        if isinstance(value, Mapping):
            query |= {f"{plain}[{end}]": cast("JsonObject", value).get(end) for end in ("min", "max")}
        elif isinstance(value, list):
            query[f"{plain}[]"] = value
        elif value not in (None, ""):
            query[plain] = value
    return query


def people(service: Service, filters: JsonObject, size: int = PAGE) -> AsyncIterator[Page[int]]:
    """People who fit; costs nothing."""
    query = query_of(filters)

    async def fetch(number: int) -> Answer:
        return await service.post("/mixed_people/api_search", query={**query, "page": number, "per_page": size}, reads=True)

    return page(fetch, items="people", size=size, total="total_entries")


def organizations(service: Service, filters: JsonObject, size: int = PAGE) -> AsyncIterator[Page[int]]:
    """Organisations that fit; a credit for each page. Those that the team has saved stand apart in the answer, and are given alike."""
    query = query_of(filters)

    async def fetch(number: int) -> Answer:
        answer = await service.post("/mixed_companies/search", query={**query, "page": number, "per_page": size})
        saved = [
            {**account, "account_id": account.get("id"), "id": account.get("organization_id") or account.get("id")}
            for account in at(answer.body, "accounts.*")
        ]
        total = next(at(answer.body, "pagination.total_entries"), None)
        return replace(answer, body={"records": [*saved, *at(answer.body, "organizations.*")], "total": total})

    return page(fetch, items="records", size=size, total="total")


def contacts(service: Service, filters: JsonObject, size: int = PAGE) -> AsyncIterator[Page[int]]:
    """Contacts that the team has saved; costs nothing."""
    query_of(filters)  # names are checked; they stand in the body

    async def fetch(number: int) -> Answer:
        return await service.post("/contacts/search", json={**filters, "page": number, "per_page": size}, reads=True)

    return page(fetch, items="contacts", size=size, total="pagination.total_entries")


async def search(service: Service, form: Search, pages: Callable[[Service, JsonObject, int], AsyncIterator[Page[int]]], total: str) -> Done:
    """The records, up to `limit`. What breaks after the first page ends the search with a warning."""
    records: list[Json] = []
    count: Json = None
    warnings: tuple[str, ...] = ()
    try:
        async for each in pages(service, form.filters, min(PAGE, form.limit)):
            records += each.items
            count = next(at(each.answer.body, total), count)
            if len(records) >= form.limit:
                break
    except (ServiceError, Throttled) as error:
        if not records:
            raise
        warnings = (f"The search ended early: {error}",)
    records = records[: form.limit]
    return Done({"count": len(records), "total": count, "records": records}, f"{len(records)} found", warnings=warnings)


def found(fields: JsonObject) -> JsonObject:
    """The output schema of a search."""
    return {
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "total": {"type": ["integer", "null"], "description": "How many there are in all."},
            "records": {"type": "array", "items": {"type": "object", "properties": fields}},
        },
        "required": ["count", "total", "records"],
    }
