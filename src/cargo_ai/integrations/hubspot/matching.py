"""Finding records by the value of a property: directly where it is unique, through the search where it is not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from cargo_ai.integrations.hubspot.records import RECORD_ID, folded, read_batch, search
from cargo_ai.integrations.hubspot.rows import values_of
from cargo_ai.integrations.hubspot.versions import PROPERTIES
from cargo_ai.integrations.kit import ActionRequest, InvalidConfig, ServiceError, segment
from cargo_ai.integrations.kit.writes.matches import Matches
from cargo_ai.kernel import clock

Json = Any
JsonObject = Mapping[str, Json]

MAX_VALUES, MAX_VALUE_CHARACTERS = 100, 2_000
"""How many values one search may name; its body may have 3,000 characters."""
KNOWN_SECONDS = 600.0
MAX_KNOWN = 10_000
_CONTACTS = {"contacts", "contact", "0-1"}

_known: dict[tuple[str, str, str], tuple[float, bool]] = {}


async def is_unique(request: ActionRequest, object_type: str, name: str) -> bool:
    """Whether records are named by the value of this property. What HubSpot said is remembered for ten minutes."""
    # HubSpot says `hasUniqueValue: false` of the e-mail address, although it identifies contacts.
    if name == RECORD_ID or (name == "email" and object_type in _CONTACTS):
        return True
    key = (_account(request), object_type, name)
    until, unique = _known.get(key, (0.0, False))
    if until <= clock.seconds():
        unique = bool((await _definition(request, object_type, name)).get("hasUniqueValue"))
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[key] = (clock.seconds() + KNOWN_SECONDS, unique)
    return unique


async def _definition(request: ActionRequest, object_type: str, name: str) -> JsonObject:
    try:
        answer = await request.service.get(f"{PROPERTIES}/{segment(object_type)}/{segment(name)}")
    except ServiceError as error:
        if error.status == 404:
            raise InvalidConfig(f"{object_type} have no property {name} in this HubSpot account.") from None
        raise
    return cast("JsonObject", answer.body or {})


def _account(request: ActionRequest) -> str:
    config = json.dumps(request.connector_config, sort_keys=True, default=str)
    return hashlib.sha256(config.encode("utf-8", "surrogatepass")).hexdigest()


def same(name: str, unique: bool, key: str) -> str:
    """A value of a property as it is compared: the search knows no case; of unique values only e-mail addresses do without."""
    return folded(name, key) if unique else key.lower()


async def matching(request: ActionRequest, object_type: str, name: str, keys: Sequence[str], properties: Sequence[str] = ()) -> Matches:
    """The records with these values of a property."""
    unique = await is_unique(request, object_type, name)
    matches = Matches(lambda key: same(name, unique, str(key)))
    if unique:
        for key, record in (await read_batch(request.service, object_type, name, keys, properties)).items():
            matches.add(key, record)
        return matches
    for values in _parts(list(dict.fromkeys(map(matches.same, keys)))):
        groups = [[{"propertyName": name, "operator": "IN", "values": values}]]
        async for _total, page in search(request.service, object_type, groups=groups, properties=[*properties, name]):
            for record in page:
                matches.add(values_of(record).get(name, ""), record)
    return matches


def _parts(values: Sequence[str]) -> Iterator[list[str]]:
    """The values in parts that fit into one search."""
    part: list[str] = []
    length = 0
    for value in values:
        size = len(json.dumps(value)) + 1
        if part and (len(part) >= MAX_VALUES or length + size > MAX_VALUE_CHARACTERS):
            yield part
            part, length = [], 0
        part.append(value)
        length += size
    if part:
        yield part
