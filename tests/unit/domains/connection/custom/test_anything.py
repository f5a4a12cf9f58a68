"""Manifests and OpenAPI documents with anything in them: each is used or refused with the place, and nothing else happens."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from cargo_ai.domains.connection.custom.foreign_schema import Unusable
from cargo_ai.domains.connection.custom.openapi import document, reading
from cargo_ai.domains.connection.custom.openapi.integration import of_operations
from cargo_ai.domains.connection.custom.protocol import manifest
from cargo_ai.domains.connection.custom.protocol.integration import of_manifest
from cargo_ai.domains.connection.custom.protocol.remote import Remote
from tests.kit.api_client import Body
from tests.unit.domains.connection.custom.conftest import MANIFEST
from tests.unit.domains.connection.custom.test_openapi import SHOP

Json = Any
ANYTHING: list[Json] = [
    *(None, True, 0, -1, 1.5, "", "x", "#/x", "#/components/schemas/customer", [], [1], [None], [[]], {}, {"a": 1}, {"": {}}),
    *({"$ref": "#/a"}, {"$ref": 5}, {"type": ["string", 5]}, {"properties": []}, {"enum": 5}, {"required": 5}, {"url": 5}),
]
LISTS: Body = {
    "articles": {"name": "Articles", "config": {"jsonSchema": {"properties": {"a": {"type": "string"}}}}, "mode": {"kind": "fetch"}}
}


def places(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    for key, inner in cast("Iterator[tuple[Any, Json]]", entries):
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(given: Body, chance: random.Random) -> Body:
    made = copy.deepcopy(given)
    *path, key = chance.choice(list(places(made)))
    place: Json = made
    for part in path:
        place = place[part]
    place[key] = copy.deepcopy(chance.choice(ANYTHING))
    return made


def announce(given: Body) -> None:
    read = manifest.read(given)
    of_manifest("x", manifest.Manifest.model_validate(read.model_dump(mode="json", by_alias=True)), "http://x", Remote())


def describe(given: Body) -> None:
    checked = document.require_usable(given)
    chosen = document.choose(checked, ["listCustomers", "createCustomer", "PUT /customers/{id}", "both", "machine"])
    address = document.base_url(checked, chosen, None)
    assert of_operations("x", reading.read(checked, chosen, address), address).account.schema


@pytest.mark.parametrize(("use", "given"), [(announce, {**MANIFEST, "extractors": LISTS}), (describe, SHOP)], ids=["manifest", "openapi"])
def test_it_is_used_or_refused(use: Callable[[Body], None], given: Body) -> None:
    use(given)
    used = refused = 0
    for seed in range(200):
        try:
            use(changed(given, random.Random(seed)))
            used += 1
        except Unusable as error:
            assert error.pointer == "" or error.pointer.startswith("/"), error
            refused += 1
    assert used > 20 and refused > 20
