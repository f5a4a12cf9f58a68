"""Finding records by the value of an attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.integrations.attio.attributes import Attributes, attributes_of
from cargo_ai.integrations.attio.records import query
from cargo_ai.integrations.attio.values import filter_of
from cargo_ai.integrations.kit import Service

Json = Any
JsonObject = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Matches:
    """The records with a value of an attribute, the oldest first, and the attributes of their object. `more`: not all of them."""

    attributes: Attributes
    records: Sequence[JsonObject]
    more: bool


async def matching(service: Service, object_type: str, by: str, key: str, *, names: Sequence[str] = (), most: int) -> Matches:
    """At most `most` records of an object whose attribute `by` has this value. `names`: attributes that are needed besides."""
    attributes = await attributes_of(service, object_type, [by, *names])
    where = filter_of(attributes, by, key)
    records = [record async for record in query(service, object_type, where=where, limit=most + 1)]
    return Matches(attributes, records[:most], len(records) > most)
