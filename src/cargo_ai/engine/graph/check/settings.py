"""Check a config against the JSON Schema of its action before any run: where a value is only known in a run, anything may come."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, cast

from cargo_ai.engine.graph.action import Schema
from cargo_ai.engine.graph.check.finding import Finding, join, nearest, show, suggest
from cargo_ai.engine.graph.check.settled import Unknown, settle
from cargo_ai.expression import coerce

Json = Any
MAX_STEPS: Final = 50_000
"""Values compared with a schema in one config; what is larger is left to the action."""
DEEPEST: Final = 100
MAX_NAMED: Final = 10
"""Unknown settings of one object that are named."""

_NAMES: Final = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


def check_settings(config: Mapping[str, Json], schema: Schema, *, coerces: bool, verbatim: frozenset[str]) -> Iterator[Finding]:
    """What is wrong with the settings of one node. Keys that the schema does not know are errors where it excludes them, else doubts.

    `coerces`: the action reads numbers from text, and text from numbers. `verbatim`: keys whose values are not templates.
    """
    yield from _Check(schema, coerces, verbatim).value(config, schema, "config")


@dataclass
class _Check:
    """Walks values and schema together. Of the schema's keywords those count that say what a value is; others are left to the action."""

    root: Schema
    coerces: bool
    verbatim: frozenset[str]
    steps: int = 0
    depth: int = 0
    literal: bool = field(default=False)

    def value(self, value: Json, schema: Schema, path: str) -> Iterator[Finding]:
        self.steps += 1
        known: Json | Unknown = value if self.literal else settle(value)
        if known is Unknown.ANYTHING or self.steps > MAX_STEPS or self.depth >= DEEPEST:
            return
        self.depth += 1
        try:
            yield from self._known(known, schema, path)
        finally:
            self.depth -= 1

    def _known(self, known: Json | Unknown, schema: Schema, path: str) -> Iterator[Finding]:
        for keyword in ("anyOf", "oneOf"):
            yield from self._alternatives(known, _schemas(schema.get(keyword)), path)
        for part in _schemas(schema.get("allOf")):
            yield from self.value(known, part, path)
        reference = schema.get("$ref")
        if isinstance(reference, str) and (target := self._target(reference)) is not None:
            yield from self.value(known, target, path)
        types = _types(schema)
        if known is Unknown.TEXT:
            if types and not self._takes_text(types):
                yield Finding(path, f"{_quoted(path)} is text with an expression in it; it must be {_one_of(types)}.")
            return
        if types and not self._fits(known, types):
            yield Finding(path, f"{_quoted(path)} is {_described(known)}; it must be {_one_of(types)}.")
            return
        yield from self._choice(known, schema, path)
        if isinstance(known, str):
            yield from _text(known, schema, path)
        number = self._number(known, types)
        if number is not None:
            yield from _range(number, schema, path)
        if isinstance(known, list):
            yield from self._list(cast("list[Json]", known), schema, path)
        elif isinstance(known, Mapping):
            yield from self._object(cast("Mapping[str, Json]", known), schema, path)

    def _target(self, reference: str) -> Schema | None:
        target: object = self.root
        for step in reference.removeprefix("#").strip("/").split("/") if reference.startswith("#/") else ():
            target = cast("Mapping[str, object]", target).get(step) if isinstance(target, Mapping) else None
        return cast("Schema", target) if isinstance(target, Mapping) and target is not self.root else None

    def _alternatives(self, known: Json, schemas: Sequence[Schema], path: str) -> Iterator[Finding]:
        """Nothing where one of them takes the value, else what the one says that comes closest."""
        best: list[Finding] | None = None
        for schema in schemas:
            findings = list(islice(self.value(known, schema, path), MAX_NAMED))
            if all(finding.doubt for finding in findings):
                yield from findings
                return
            # One that got further into the value was more likely meant.
            if best is None or max(map(_depth, findings)) > max(map(_depth, best)):
                best = findings
        yield from best or ()

    def _takes_text(self, types: Sequence[str]) -> bool:
        return "string" in types or (self.coerces and ("number" in types or "integer" in types))

    def _fits(self, known: Json, types: Sequence[str]) -> bool:
        match known:
            case None:
                return "null" in types
            case bool():
                return "boolean" in types
            case int() | float():
                whole = isinstance(known, int) or known.is_integer()
                return "number" in types or ("integer" in types and whole) or (self.coerces and "string" in types)
            case str():
                return "string" in types or self._number(known, types) is not None
            case list():
                return "array" in types
            case _:
                return "object" in types

    def _number(self, known: Json, types: Sequence[str]) -> float | None:
        """The value as the number that the action will read; None where it is not a number."""
        if isinstance(known, bool):
            return None
        if isinstance(known, int | float):
            return known
        if not (self.coerces and isinstance(known, str)) or "string" in types or not {"number", "integer"} & set(types):
            return None
        amount, _ = coerce(known, "number")
        if not isinstance(amount, int | float) or ("number" not in types and not float(amount).is_integer()):
            return None
        return amount

    def _choice(self, known: Json, schema: Schema, path: str) -> Iterator[Finding]:
        choices: object = [schema["const"]] if "const" in schema else schema.get("enum")
        if not isinstance(choices, list) or any(_same(known, choice) for choice in cast("list[Json]", choices)):
            return
        names = [str(choice) for choice in cast("list[Json]", choices) if choice is not None]
        if schema.get("ignoreCase") is True and str(known).upper() in (name.upper() for name in names):
            return
        close = nearest(known, names) if isinstance(known, str) else None
        meant = f" Did you mean {close}?" if close else ""
        yield Finding(path, f"{_quoted(path)} is {show(known)}; it takes {', '.join(names)}.{meant}")

    def _list(self, items: Sequence[Json], schema: Schema, path: str) -> Iterator[Finding]:
        for keyword, wrong, word in (("minItems", len(items).__lt__, "at least"), ("maxItems", len(items).__gt__, "at most")):
            bound = schema.get(keyword)
            if isinstance(bound, int) and wrong(bound):
                yield Finding(path, f"{_quoted(path)} has {len(items)} items; it must have {word} {bound}.")
        of_items = schema.get("items")
        if isinstance(of_items, Mapping):
            for at, item in enumerate(items):
                yield from self.value(item, cast("Schema", of_items), join(path, at))

    def _object(self, fields: Mapping[str, Json], schema: Schema, path: str) -> Iterator[Finding]:
        properties = cast("Mapping[str, Schema]", schema.get("properties") or {})
        required = cast("Sequence[str]", schema.get("required") or ())
        others: object = schema.get("additionalProperties")
        unknown = [key for key in fields if key not in properties] if properties and not isinstance(others, Mapping) else []
        for key in required:
            if key not in fields:
                yield Finding(join(path, key), f"{_quoted(join(path, key))} is missing.{_typed_instead(key, unknown[:MAX_NAMED])}")
        for key, value in fields.items():
            of_key = properties.get(key, cast("object", others))
            if not isinstance(of_key, Mapping) or (value is None and key not in required):
                continue  # null is as good as absent
            was, self.literal = self.literal, self.literal or (path == "config" and key in self.verbatim)
            yield from self.value(value, cast("Schema", of_key), join(path, key))
            self.literal = was
        free = [name for name in properties if name not in fields]
        for key in unknown[:MAX_NAMED]:
            meant = suggest(key, free or list(properties), "The settings are")
            yield Finding(join(path, key), f"{_quoted(join(path, key))} is not a setting and is ignored.{meant}", doubt=others is not False)
        if len(unknown) > MAX_NAMED:
            more = f"{_quoted(path)} has {len(unknown) - MAX_NAMED:,} more keys that are not settings."
            yield Finding(path, more, doubt=others is not False)


def _depth(finding: Finding) -> int:
    return finding.path.count(".") + finding.path.count("[")


def _schemas(value: object) -> list[Schema]:
    return (
        [cast("Schema", schema) for schema in cast("list[object]", value) if isinstance(schema, Mapping)] if isinstance(value, list) else []
    )


def _types(schema: Schema) -> list[str]:
    types = schema.get("type")
    return [types] if isinstance(types, str) else [str(name) for name in cast("list[object]", types or [])]


def _one_of(types: Sequence[str]) -> str:
    return " or ".join(_NAMES.get(name, name) for name in types)


def _quoted(path: str) -> str:
    return f"`{path.removeprefix('config.')}`"


def _described(value: Json) -> str:
    if isinstance(value, list | Mapping):
        return "a list" if isinstance(value, list) else "an object"
    return "null" if value is None else show(value)


def _same(left: Json, right: Json) -> bool:
    return left == right and isinstance(left, bool) is isinstance(right, bool)


def _typed_instead(key: str, unknown: Sequence[str]) -> str:
    close = nearest(key, unknown)
    return f" There is `{close}` instead." if close else ""


def _text(text: str, schema: Schema, path: str) -> Iterator[Finding]:
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int) and least > 0 and len(text.strip()) < least:
        yield Finding(path, f"{_quoted(path)} is {'empty' if not text.strip() else f'shorter than {least} characters'}.")
    if isinstance(most, int) and len(text) > most:
        yield Finding(path, f"{_quoted(path)} has {len(text):,} characters; the limit is {most:,}.")


def _range(number: float, schema: Schema, path: str) -> Iterator[Finding]:
    least, most = schema.get("minimum"), schema.get("maximum")
    low = isinstance(least, int | float) and not number >= least
    high = isinstance(most, int | float) and not number <= most
    if low or high or not math.isfinite(number):
        bounds = [f"{word} {bound:,}" for word, bound in (("at least", least), ("at most", most)) if isinstance(bound, int | float)]
        yield Finding(path, f"{_quoted(path)} is {number:g}; it must be {' and '.join(bounds) or 'a finite number'}.")
