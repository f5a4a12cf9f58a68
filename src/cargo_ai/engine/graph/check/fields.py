"""Check by the JSON Schema of a node's output whether a path leads to something in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.engine.graph.action import Schema

_OF_LISTS = frozenset({"length"})


@dataclass(frozen=True, slots=True)
class MissingField:
    """The key at this position of a path is not there; `names` are. `certain`: the schema says that there are no others."""

    position: int
    names: tuple[str, ...]
    certain: bool
    of_list: bool = False


def find_missing(schema: Schema, keys: Sequence[str | int], position: int = 0) -> MissingField | None:
    """The first key that the output does not have, None where all are there or may be."""
    if position == len(keys):
        return None
    choices = schema.get("anyOf")
    if isinstance(choices, list):
        missing = [find_missing(cast("Schema", choice), keys, position) for choice in cast("list[object]", choices)]
        furthest = max((field for field in missing if field is not None), key=lambda field: field.position, default=None)
        return None if None in missing else furthest
    key = keys[position]
    types = schema.get("type")
    if types in ("array", ["array", "null"]):
        return _of_list(schema, keys, position)
    properties: object = schema.get("properties")
    if not isinstance(properties, Mapping) or types not in (None, "object", ["object", "null"]):
        return None
    named = cast("Mapping[str, Any]", properties)
    if str(key) in named:
        return find_missing(named[str(key)], keys, position + 1)
    others: object = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        return find_missing(cast("Schema", others), keys, position + 1)
    if others is False or (others is True and named):
        return MissingField(position, tuple(named), others is False)
    return None


def _of_list(schema: Schema, keys: Sequence[str | int], position: int) -> MissingField | None:
    key = keys[position]
    if isinstance(key, int) or key.isdigit():
        items: object = schema.get("items")
        return find_missing(cast("Schema", items), keys, position + 1) if isinstance(items, Mapping) else None
    return None if key in _OF_LISTS else MissingField(position, (), True, of_list=True)
