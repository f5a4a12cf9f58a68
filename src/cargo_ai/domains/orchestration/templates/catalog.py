"""The templates of this server: one JSON file each, with places that have to be filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, cast

from cargo_ai.kernel.wire import JsonObject

Json = Any
PLACEHOLDER = re.compile(r"__REPLACE_WITH_[A-Z_]+__")
MODEL = "__REPLACE_WITH_MODEL_UUID__"


@cache
def all_templates() -> tuple[JsonObject, ...]:
    """All templates, by slug: `{slug, name, description, kind, categories, nodes}` and what their kind adds. Not to be changed.

    values: what has to be given, by name, in words. columns: of the model of a play, by slug, with types. changes: which ones start it.
    otherColumns: of models that are values, by the name of the value.
    """
    files = (file for file in resources.files(__package__ or "").joinpath("graphs").iterdir() if file.name.endswith(".json"))
    templates: list[JsonObject] = [json.loads(file.read_text("utf-8")) for file in files]
    return tuple(sorted(templates, key=lambda template: str(template["slug"])))


def find(slug: str) -> JsonObject | None:
    """The template of that name."""
    return next((template for template in all_templates() if template["slug"] == slug), None)


def fill(nodes: list[JsonObject]) -> list[JsonObject]:
    """The nodes with the integrations' default connectors where a connector has to be filled in."""
    named = connectors(nodes)
    return [{key: value for key, value in node.items() if key != "connectorUuid" or value not in named} for node in nodes]


def placeholders(nodes: Json) -> list[str]:
    """What has to be filled in anywhere in the nodes, each once."""
    return list(dict.fromkeys(PLACEHOLDER.findall(json.dumps(nodes))))


def connectors(nodes: Json) -> dict[str, str]:
    """The placeholders of connectors, each with its integration."""
    return {
        str(node["connectorUuid"]): str(node["integrationSlug"])
        for node in _objects(nodes)
        if PLACEHOLDER.fullmatch(str(node.get("connectorUuid"))) and node.get("integrationSlug")
    }


def placeholder_of(name: str) -> str:
    """What stands in the nodes for the value of that name; for the uuid of a model, where the name ends so."""
    return f"__REPLACE_WITH_{name.upper()}{'_UUID' if name.endswith('_model') else ''}__"


def replaced(value: Json, by: Mapping[str, Json]) -> Json:
    """The same with what stands for placeholders; a text that is more than a placeholder stays as it is."""
    return _mapped(value, lambda text: by.get(text, text))


def _mapped(value: Json, change: Callable[[str], Json]) -> Json:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(item, change) for item in cast("list[Json]", value)]
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in cast("JsonObject", value).items()}
    return value


def _objects(value: Json) -> Iterator[JsonObject]:
    if isinstance(value, dict):
        entries = cast("JsonObject", value)
        yield entries
        for item in entries.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in cast("list[Json]", value):
            yield from _objects(item)
