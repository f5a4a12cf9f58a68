"""Secrets: find them in configs by their schema, mask them, put stored ones back, and take them out of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from cargo_ai.kernel.secrets import is_reference

Json = Any
Schema = Mapping[str, Json]

HIDDEN = "***"
# Shorter ones ("true", "1234") also stand for themselves in an answer; hiding them there would damage it.
SHORTEST_HIDDEN = 6


def hide(schema: Schema, config: Mapping[str, Json]) -> dict[str, Json]:
    """The config as it may be shown: each value whose schema says `writeOnly` is `***`, and a reference to a secret is itself."""
    return replace(schema, config, lambda _path, value: value if is_reference(value) else HIDDEN)


def replace(schema: Schema, config: Mapping[str, Json], change: Callable[[tuple[str, ...], Json], Json]) -> dict[str, Json]:
    """The config with each secret replaced by what `change` makes of its path and its value."""
    return {key: _replace(_inside(schema, key), value, change, (key,)) for key, value in config.items()}


def holds_secret(schema: Schema, path: Sequence[str]) -> bool:
    """Whether what is at this path of a config is a secret."""
    for part in path:
        if not part or _is_secret(schema):
            return False
        schema = _inside(schema, part)
    return _is_secret(schema)


def secret_paths(schema: Schema, path: str = "") -> Iterator[str]:
    """The paths of all secrets of a config, as people write them; NAME stands for any name."""
    if _is_secret(schema):
        yield path
        return
    names = dict.fromkeys(name for part in _branches(schema) for name in cast("Mapping[str, Schema]", part.get("properties", {})))
    if any(isinstance(part.get("additionalProperties"), Mapping) for part in _branches(schema)):
        names["NAME"] = None
    for name in names:
        yield from secret_paths(_inside(schema, name), f"{path}.{name}" if path else name)


def merge(schema: Schema, config: Mapping[str, Json], stored: Mapping[str, Json]) -> tuple[dict[str, Json], list[str]]:
    """The config with each `***` replaced by the stored secret, and the paths of those that have none to go back to."""
    missing: list[str] = []

    def former(path: tuple[str, ...], value: Json) -> Json:
        secret = _at(stored, path) if value == HIDDEN else value
        if secret is None:
            missing.append(".".join(path))
        return value if secret is None else secret

    return replace(schema, config, former), missing


def secrets_of(schema: Schema, config: Mapping[str, Json]) -> Iterator[str]:
    """Every secret text in a config."""
    secrets: list[Json] = []

    def note(_path: tuple[str, ...], value: Json) -> Json:
        secrets.append(value)

    replace(schema, config, note)
    for secret in secrets:
        yield from texts_of(secret)


def hidden_texts(texts: Iterator[str]) -> tuple[str, ...]:
    """Those of the texts that are long enough to be looked for, longest first, so that none is cut by a shorter one."""
    return tuple(sorted({text for text in texts if len(text) >= SHORTEST_HIDDEN}, key=len, reverse=True))


def _is_secret(schema: Schema) -> bool:
    return any(part.get("writeOnly") for part in _branches(schema))


def _inside(schema: Schema, key: str) -> Schema:
    """The schema of one property: every branch of a choice counts, so that a secret in one of them is a secret in all."""
    properties = [branch for part in _branches(schema) for branch in _direct(part, key)]
    if any(part.get("writeOnly") for part in properties):
        return {"writeOnly": True}
    return properties[0] if len(properties) == 1 else {"anyOf": properties}


def _branches(schema: Schema) -> Iterator[Schema]:
    yield schema
    for word in ("anyOf", "oneOf", "allOf"):
        for branch in cast("list[Schema]", schema.get(word, [])):
            yield from _branches(branch)


def _direct(schema: Schema, key: str) -> Iterator[Schema]:
    properties = cast("Mapping[str, Schema]", schema.get("properties", {}))
    if key in properties:
        yield properties[key]
        return
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        yield cast("Schema", others)


def _replace(schema: Schema, value: Json, change: Callable[[tuple[str, ...], Json], Json], path: tuple[str, ...]) -> Json:
    if value is None:
        return None
    if _is_secret(schema):
        return change(path, value)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Json]", value)
        return {key: _replace(_inside(schema, key), inner, change, (*path, key)) for key, inner in entries.items()}
    if isinstance(value, list):
        items = {"anyOf": [part["items"] for part in _branches(schema) if isinstance(part.get("items"), Mapping)]}
        entries_ = cast("list[Json]", value)
        return [_replace(items, inner, change, (*path, str(at))) for at, inner in enumerate(entries_)]
    return value


def _at(value: Json, path: tuple[str, ...]) -> Json:
    for part in path:
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Json]", value).get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(cast("list[Json]", value)):
            value = cast("list[Json]", value)[int(part)]
        else:
            return None
    return value


def texts_of(value: Json) -> Iterator[str]:
    """Every text in a JSON value, keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in cast("Mapping[str, Json]", value).values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in cast("list[Json]", value):
            yield from texts_of(inner)


def scrub(text: str, sensitive: tuple[str, ...]) -> str:
    """The text with each of the sensitive ones replaced."""
    for secret in sensitive:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def scrub_json(value: Json, sensitive: tuple[str, ...]) -> Json:
    """A JSON value without the sensitive texts, keys included; the same object when there are none."""
    if not sensitive:
        return value
    if isinstance(value, str):
        return scrub(value, sensitive)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Json]", value)
        return {scrub(key, sensitive): scrub_json(inner, sensitive) for key, inner in entries.items()}
    if isinstance(value, list):
        return [scrub_json(inner, sensitive) for inner in cast("list[Json]", value)]
    return value
