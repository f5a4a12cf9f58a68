"""Records: read by id or by the value of a field, made, changed and removed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from cargo_ai.integrations.kit import Answer, InvalidConfig, Page, Service, ServiceError, cursor, items_of, segment
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.pipedrive.client import is_missing, record_of
from cargo_ai.integrations.pipedrive.custom_fields import SEARCHABLE, Names
from cargo_ai.integrations.pipedrive.objects import RECORD_ID, Object, spelled

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 100
MAX_IDS = 100
FEW = 5
"""Up to this many records are read one by one, for a token each; more cost ten together."""


def listed(
    service: Service, of: Object, query: JsonObject | None = None, start: str | None = None, size: int = PAGE
) -> AsyncIterator[Page[str]]:
    """The pages of a list, by id."""

    async def fetch(after: str | None) -> Answer:
        return await service.get(f"/{of.path}", query={"limit": size, "sort_by": "id", "cursor": after, **(query or {})})

    return cursor(fetch, items="data", next="additional_data.next_cursor", start=start)


async def read(service: Service, of: Object, record_id: str) -> JsonObject | None:
    """The record with this id; None without one. InvalidConfig where that is not an id of Pipedrive."""
    if not record_id.isdigit():
        raise InvalidConfig(f"{record_id!r} is not an id of Pipedrive: they are whole numbers.")
    try:
        record = record_of(await service.get(f"/{of.path}/{segment(record_id)}"))
    except ServiceError as error:
        if is_missing(error):
            return None
        raise
    return None if record.get("is_deleted") else record


async def find(service: Service, names: Names, by: str, key: str, most: int) -> list[JsonObject]:
    """At most `most` records with this value of a field, the oldest first. InvalidConfig where Pipedrive does not search by it."""
    of = names.object
    if spelled(by) == RECORD_ID:
        record = await read(service, of, key)
        return [] if record is None else [record]
    ids = sorted({int(found) async for found in _search(service, names, by, key)})[:most]
    records = [await read(service, of, str(found)) for found in ids] if len(ids) <= FEW else await _read_many(service, of, ids)
    # The search is an index that lags: a record may have another value, or be gone, by now.
    return [record for record in records if record is not None and _fits(names, record, by, key)]


async def _read_many(service: Service, of: Object, ids: Sequence[int]) -> list[JsonObject | None]:
    records: list[JsonObject | None] = []
    for start in range(0, len(ids), MAX_IDS):
        part = ",".join(map(str, ids[start : start + MAX_IDS]))
        records += [one async for one in items_of(listed(service, of, {"ids": part}))]
    return records


async def _search(service: Service, names: Names, by: str, key: str) -> AsyncIterator[Json]:
    of, field = names.object, names.custom(by)
    if field is None and spelled(by) not in of.searched:
        known = ", ".join((RECORD_ID, *of.searched))
        raise InvalidConfig(
            f"Pipedrive does not find {of.path} by {by}; match by one of {known}" + (" or a custom field." if of.searched else ".")
        )
    if field is not None and (field.type not in SEARCHABLE or not of.searched):
        raise InvalidConfig(
            f"Pipedrive does not find {of.path} by {field.name}: it searches texts, numbers, amounts, addresses and telephone numbers."
        )
    if field is None:
        path = f"/{of.path}/search"
        query: dict[str, Json] = {"term": key, "fields": of.searched[spelled(by)], "exact_match": True}
        items = "data.items"
    else:
        path, items = "/itemSearch/field", "data"
        query = {"term": key, "entity_type": of.kind, "field": field.code, "match": "exact"}

    async def fetch(after: str | None) -> Answer:
        return await service.get(path, query={**query, "limit": PAGE, "cursor": after})

    async for found in items_of(cursor(fetch, items=items, next="additional_data.next_cursor")):
        yield next(at(found, "item.id" if field is None else "id"))


def _fits(names: Names, record: JsonObject, by: str, key: str) -> bool:
    field = names.custom(by)
    value: Json = record.get(spelled(by)) if field is None else cast("JsonObject", record.get("custom_fields") or {}).get(field.code)
    values = cast("list[Json]", value) if isinstance(value, list) else [value]
    texts = [cast("JsonObject", one).get("value") if isinstance(one, Mapping) else one for one in values]
    return any(_text(text) == _text(key) for text in texts)


def _text(value: Json) -> str:
    text = str(value).strip().lower()
    return text.removesuffix(".0")


async def create(service: Service, of: Object, body: JsonObject) -> JsonObject:
    """Make a record."""
    return record_of(await service.post(f"/{of.path}", json=dict(body)))


async def change(service: Service, of: Object, record_id: Json, body: JsonObject) -> JsonObject:
    """Change a record."""
    return record_of(await service.patch(f"/{of.path}/{segment(record_id)}", json=dict(body)))


async def remove(service: Service, of: Object, record_id: str) -> bool:
    """Delete a record; False where it is missing."""
    if not record_id.isdigit():
        raise InvalidConfig(f"{record_id!r} is not an id of Pipedrive: they are whole numbers.")
    try:
        await service.delete(f"/{of.path}/{segment(record_id)}")
    except ServiceError as error:
        if is_missing(error):
            return False
        raise
    return True
