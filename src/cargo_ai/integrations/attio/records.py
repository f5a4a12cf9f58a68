"""Records of Attio over HTTP: query, create, assert, change and delete them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from cargo_ai.integrations.attio.attributes import Attributes
from cargo_ai.integrations.attio.values import plain_values
from cargo_ai.integrations.kit import Answer, Service, ServiceError, segment, unexpected

Json = Any
JsonObject = Mapping[str, Json]

PAGE = 500
OLDEST_FIRST: Sequence[JsonObject] = ({"attribute": "created_at", "direction": "asc"},)


def path_of(object_type: str, *parts: str) -> str:
    """The path of an object's records, or of what is below it."""
    return "/".join(["/objects", segment(object_type), "records", *map(segment, parts)])


async def query(
    service: Service,
    object_type: str,
    *,
    where: JsonObject | None = None,
    sorts: Sequence[JsonObject] = OLDEST_FIRST,
    limit: int | None = None,
) -> AsyncIterator[JsonObject]:
    """The records that fit a filter of Attio's, page by page. `limit`: how many at most."""
    start = 0
    while limit is None or start < limit:
        size = PAGE if limit is None else min(PAGE, limit - start)
        body = {"filter": dict(where or {}), "sorts": list(sorts), "limit": size, "offset": start}
        records = data_of(await service.post(path_of(object_type, "query"), json=body, reads=True), list)
        for record in cast("list[JsonObject]", records):
            yield record
        if len(records) < size:
            return
        start += size


async def create(service: Service, object_type: str, values: JsonObject) -> JsonObject:
    """A new record. ServiceError `conflict` where another has a value of it that is unique."""
    return data_of(await service.post(path_of(object_type), json={"data": {"values": values}}), dict)


async def assert_record(service: Service, object_type: str, by: str, values: JsonObject) -> JsonObject:
    """The record with the same value of a unique attribute, changed, or a new one.

    Lists become those given; only to that of `by`, values are added.
    """
    answer = await service.put(path_of(object_type), query={"matching_attribute": by}, json={"data": {"values": values}})
    return data_of(answer, dict)


async def change(service: Service, object_type: str, record_id: str, values: JsonObject, *, add: bool) -> JsonObject:
    """A record with other values. Lists become those given, or with `add` they are added to those there."""
    send = service.patch if add else service.put
    return data_of(await send(path_of(object_type, record_id), json={"data": {"values": values}}), dict)


async def delete(service: Service, object_type: str, record_id: str) -> bool:
    """Delete a record; False where there was none. ServiceError `notFound` where it is still there, or its object is missing."""
    try:
        await service.delete(path_of(object_type, record_id))
    except ServiceError as error:
        if error.status != 404 or [record async for record in query(service, object_type, where={"record_id": record_id}, limit=1)]:
            raise
        return False
    return True


def data_of(answer: Answer, kind: type[Any]) -> Any:
    """What an answer is about. ServiceError where it is not of the form that Attio documents."""
    body = answer.body
    data = cast("JsonObject", body).get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, kind):
        raise unexpected("Attio", answer, sent=True)
    return data


def id_of(record: JsonObject) -> str:
    """The id of a record."""
    return str(cast("JsonObject", record["id"])["record_id"])


def url_of(record: JsonObject) -> str | None:
    """Where people see a record."""
    url = record.get("web_url")
    return None if url is None else str(url)


def shown(attributes: Attributes, record: JsonObject, names: Sequence[str] = ()) -> dict[str, Json]:
    """A record as actions give it, with plain values; `names`: of these attributes only."""
    values = plain_values(attributes, cast("JsonObject", record.get("values") or {}))
    if names:
        values = {name: values.get(attributes.slug_of(name)) for name in names}
    return {"id": id_of(record), "properties": values, "createdAt": record.get("created_at"), "url": url_of(record)}
