"""Lists of Attio over HTTP: which records are in them, as entries that have values of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.integrations.attio.records import data_of, path_of
from cargo_ai.integrations.kit import Answer, InvalidConfig, Service, items_of, offset, segment

Json = Any
JsonObject = Mapping[str, Json]
PAGE = 500


async def object_of(service: Service, list_id: str) -> str:
    """The object whose records a list holds. InvalidConfig where it holds records of several."""
    parents = cast("list[str]", data_of(await service.get(f"/lists/{segment(list_id)}"), dict).get("parent_object") or [])
    if len(parents) != 1:
        raise InvalidConfig(f"The list {list_id} holds records of {', '.join(parents) or 'no object'}: say in `objectType` which it is.")
    return parents[0]


async def entries_of(service: Service, list_id: str, object_type: str, record_id: str) -> list[str]:
    """The ids of a record's entries in a list, which is named by slug or id."""

    async def fetch(start: int) -> Answer:
        return await service.get(path_of(object_type, record_id, "entries"), query={"limit": PAGE, "offset": start})

    entries = items_of(offset(fetch, items="data", size=PAGE))
    return [str(entry["entry_id"]) async for entry in entries if list_id in (entry.get("list_id"), entry.get("list_api_slug"))]


async def entry_values(service: Service, list_id: str, entry_id: str) -> JsonObject:
    """The values of an entry, in Attio's form."""
    entry = data_of(await service.get(f"/lists/{segment(list_id)}/entries/{segment(entry_id)}"), dict)
    return cast("JsonObject", entry.get("entry_values") or {})


async def assert_entry(service: Service, list_id: str, object_type: str, record_id: str, values: JsonObject) -> str:
    """The id of the entry of a record, changed or new. ServiceError `ambiguous` where the record is in the list more than once."""
    data = {"parent_object": object_type, "parent_record_id": record_id, "entry_values": values}
    entry = data_of(await service.put(f"/lists/{segment(list_id)}/entries", json={"data": data}), dict)
    return str(entry["id"]["entry_id"])


async def delete_entry(service: Service, list_id: str, entry_id: str) -> None:
    """Take an entry out of a list; the record stays."""
    await service.delete(f"/lists/{segment(list_id)}/entries/{segment(entry_id)}")
