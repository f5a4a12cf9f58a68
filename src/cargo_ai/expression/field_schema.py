"""Schemas of the fields of a config, for those that a language model fills."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, cast

from cargo_ai.expression.native.values import JsonValue

Schema = Mapping[str, object]
ANYTHING: Final = {"type": ["string", "number", "boolean", "array", "object", "null"]}
MAX: Final = 20_000
_OF_VARIABLE: Final[Mapping[str, Schema]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "description": "A date or time in ISO 8601."},
    "array": {"type": "array"},
    "object": {"type": "object"},
}


def of_key(schema: Schema | None, config: Mapping[str, JsonValue], key: str) -> Schema:
    """The schema of a key; of a variable's value, that of its declared type."""
    if key == "value" and isinstance(kind := config.get("type"), str) and kind in _OF_VARIABLE and "name" in config:
        return _OF_VARIABLE[kind]
    return _inner((schema or {}).get("properties"), key)


def of_items(schema: Schema | None) -> Schema:
    """The schema of the items of a list."""
    return _inner(schema, "items")


def _inner(outer: object, key: str) -> Schema:
    inner = cast("Schema", outer).get(key) if isinstance(outer, Mapping) else None
    return cast("Schema", inner) if isinstance(inner, Mapping) else {}


def text_of(schema: Schema) -> str:
    """The schema as text; one that says nothing of the type, or that only stands within its document, admits anything."""
    text = json.dumps(schema, sort_keys=True)
    if '"$ref"' in text or len(text) > MAX or not {"type", "enum", "const", "anyOf", "oneOf"} & set(schema):
        return json.dumps(ANYTHING)
    return text
