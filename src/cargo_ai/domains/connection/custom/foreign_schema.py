"""JSON Schemas that others wrote: made self-contained, within limits of depth and size, and with patterns that take linear time."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import jsonschema_rs

from cargo_ai.kernel.schemas import json_schema

Json = Any
JsonObject = dict[str, Json]

MAX_DEPTH = 12
MAX_PARTS = 4_000
"""Schemas in a schema. What lies deeper, or is one too many, may be any value."""
MAX_HOPS = 20
LONGEST_TEXT = 1_000
LARGEST_VALUE = 20_000
MAX_NAMES = 500

_SCALARS = (
    *("type", "title", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "writeOnly", "readOnly", "deprecated"),
)
_VALUES = ("const", "enum", "default")
_TABLES = ("properties", "patternProperties")
_LISTS = ("anyOf", "oneOf", "allOf")
_SINGLE = ("items", "additionalProperties")
_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})

"""Patterns are matched without going back, so that none takes long."""


class Unusable(ValueError):
    """A document cannot be used. `pointer`: where (RFC 6901)."""

    def __init__(self, pointer: str, problem: str) -> None:
        super().__init__(f"{pointer or '/'}: {problem}")
        self.pointer, self.problem = pointer, problem


def pointed(pointer: str, *parts: object) -> str:
    """A JSON pointer, some keys further."""
    return pointer + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def table_of(value: Json, pointer: str) -> JsonObject:
    """An object of a document. Unusable for something else."""
    if not isinstance(value, Mapping):
        raise Unusable(pointer, "must be an object")
    return cast("JsonObject", value)


def find(document: Json, reference: str, pointer: str) -> Json:
    """What a reference within the document leads to. Unusable for one that leads elsewhere or nowhere."""
    if not reference.startswith("#"):
        raise Unusable(pointer, f"refers to another document ({reference[:100]}): put all of it into one")
    value: Json = document
    for raw in reference[1:].split("/")[1:]:
        part = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and part in value:
            value = cast("Mapping[str, Json]", value)[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(cast("list[Json]", value)):
            value = cast("list[Json]", value)[int(part)]
        else:
            raise Unusable(pointer, f"refers to {reference[:200]}, which is not there")
    return value


def resolve(document: Json, value: Json, pointer: str) -> tuple[Json, tuple[str, ...]]:
    """A value with its references followed, and these. What stands beside a reference wins over what it leads to."""
    hops: list[str] = []
    beside: JsonObject = {}
    while isinstance(value, Mapping) and isinstance(reference := cast("JsonObject", value).get("$ref"), str):
        if reference in hops or len(hops) >= MAX_HOPS:
            raise Unusable(pointer, f"refers to itself by {reference[:200]}")
        beside = {**{key: inner for key, inner in cast("JsonObject", value).items() if key != "$ref"}, **beside}
        hops.append(reference)
        value = find(document, reference, pointer)
    if beside and isinstance(value, Mapping):
        value = {**cast("JsonObject", value), **beside}
    return cast("Json", value), tuple(hops)


@dataclass(slots=True)
class _Part:
    """A schema to be made plain: into `target`, which stands in the result already."""

    source: Json
    pointer: str
    depth: int
    above: tuple[str, ...]
    target: JsonObject


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a schema is kept: depth, schemas in it, characters of a description. hides: properties that say so (`readOnly`) are not
    kept."""

    depth: int = MAX_DEPTH
    parts: int = MAX_PARTS
    text: int = LONGEST_TEXT
    hides: str = ""


USUAL = Bounds()


def plain(schema: Json, document: Json, pointer: str, bounds: Bounds = USUAL) -> JsonObject:
    """A schema without references, nearest parts first. O(parts).

    What contains itself, is too deep or too much may be any value there.
    """
    result: JsonObject = {}
    queue = deque([_Part(schema, pointer, 0, (), result)])
    left = bounds.parts
    while queue:
        part = queue.popleft()
        source, hops = resolve(document, part.source, part.pointer)
        if not isinstance(source, Mapping):
            raise Unusable(part.pointer, "must be a schema, which is an object")
        left -= 1
        if left < 0 or part.depth > bounds.depth or set(hops) & set(part.above):
            continue
        part.target |= _keywords(cast("JsonObject", source), part.pointer, bounds.text)
        above = (*part.above, *hops)
        for key, name, inner, place in _inside(cast("JsonObject", source), part.pointer, bounds.hides, part.target):
            target: JsonObject = {}
            _put(part.target, key, name, inner if isinstance(inner, bool) else target)
            if not isinstance(inner, bool):
                queue.append(_Part(inner, place, part.depth + 1, above, target))
        _make_nullable(cast("JsonObject", source), part.target)
    return result


def _put(target: JsonObject, key: str, name: str | int | None, value: Json) -> None:
    if name is None:
        target[key] = value
    elif isinstance(name, int):
        target.setdefault(key, []).append(value)
    else:
        target.setdefault(key, {})[name] = value


def _inside(source: JsonObject, pointer: str, hides: str, target: JsonObject) -> Iterator[tuple[str, str | int | None, Json, str]]:
    """The schemas in a schema: keyword, name or position, the schema, and where it stands."""
    for key in _TABLES:
        table = _mapping(source, key, pointer)
        if len(table) > MAX_NAMES:
            raise Unusable(pointed(pointer, key), f"has more than {MAX_NAMES} names")
        for name, inner in table.items():
            if key == "patternProperties" and not _is_linear(name):
                continue
            if hides and isinstance(inner, Mapping) and cast("JsonObject", inner).get(hides) is True:
                target["required"] = [other for other in target.get("required", []) if other != name]
                continue
            yield key, name, inner, pointed(pointer, key, name)
    for key in _LISTS:
        choices = source.get(key, [])
        if not isinstance(choices, list):
            raise Unusable(pointed(pointer, key), "must be a list of schemas")
        for position, inner in enumerate(cast("list[Json]", choices)[:MAX_NAMES]):
            # What is left open here fits several choices: one that exactly one has to fit would refuse what the service takes.
            yield "anyOf" if key == "oneOf" else key, position, inner, pointed(pointer, key, position)
    for key in _SINGLE:
        if isinstance(source.get(key), (Mapping, bool)):
            yield key, None, source[key], pointed(pointer, key)


def _mapping(source: JsonObject, key: str, pointer: str) -> JsonObject:
    table = source.get(key, {})
    if not isinstance(table, Mapping):
        raise Unusable(pointed(pointer, key), "must be an object")
    return dict(cast("Mapping[str, Json]", table))


def _keywords(source: JsonObject, pointer: str, longest: int) -> JsonObject:
    """What a schema says of a value itself."""
    said: JsonObject = {key: source[key] for key in _SCALARS if isinstance(source.get(key), (str, int, float, bool, list))}
    for key in _VALUES:
        if key in source and len(json.dumps(source[key])) <= LARGEST_VALUE:
            said[key] = source[key]
    required = source.get("required")
    if isinstance(required, list):
        said["required"] = [name for name in cast("list[Json]", required)[:MAX_NAMES] if isinstance(name, str)]
    if isinstance(text := source.get("description"), str) and text:
        said["description"] = text if len(text) <= longest else text[:longest] + "…"
    if isinstance(pattern := said.get("pattern"), str) and not _is_linear(pattern):
        del said["pattern"]
    kinds = said.get("type")
    if kinds is not None and not (set(map(str, cast("Sequence[Json]", kinds) if isinstance(kinds, list) else [kinds])) <= _TYPES):
        raise Unusable(pointed(pointer, "type"), f"is not a type of JSON: {json.dumps(kinds)[:100]}")
    _modernise(said)
    return said


def _modernise(said: JsonObject) -> None:
    """The boolean bounds of OpenAPI 3.0 as JSON Schema has them now."""
    for key, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(said.get(key), bool) and said.pop(key) and bound in said:
            said[key] = said.pop(bound)


def _make_nullable(source: JsonObject, target: JsonObject) -> None:
    """What OpenAPI 3.0 calls `nullable`."""
    if source.get("nullable") is not True:
        return
    if isinstance(target.get("type"), str):
        target["type"] = [target["type"], "null"]
    if isinstance(target.get("enum"), list) and None not in target["enum"]:
        target["enum"] = [*target["enum"], None]
    if "anyOf" in target:
        target["anyOf"].append({"type": "null"})


def _is_linear(pattern: str) -> bool:
    try:
        json_schema.validator_of({"pattern": pattern})
    except json_schema.NoSchema:
        return False
    return True


def validator(schema: Mapping[str, Json], pointer: str) -> jsonschema_rs.Validator:
    """What validates by a plain schema. Unusable where it cannot."""
    try:
        return json_schema.validator_of(schema, mask="the value")
    except json_schema.NoSchema as error:
        raise Unusable(pointer, f"is not a JSON Schema: {str(error)[:200]}") from None


def faults(validator: jsonschema_rs.Validator, value: Json, most: int = 10) -> list[str]:
    """What is wrong with a value, without repeating it: a path and a sentence each."""
    found: list[str] = []
    for error in validator.iter_errors(value):
        found.append(f"`{'.'.join(map(str, error.instance_path)) or 'config'}` {error.message}")
        if len(found) == most:
            break
    return found
