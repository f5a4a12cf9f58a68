"""Config values: JSON Schemas of objects, numbers within bounds, values that are known before a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.expression import coerce, compile_config

Schema = dict[str, Any]


def schema(properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """The JSON Schema of a config. Other keys are allowed: wrong names are ignored, and only a doubt about the graph."""
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": True}


def output(properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """The JSON Schema of an output that has these fields and no others."""
    return schema(properties, required) | {"additionalProperties": False}


def is_constant(value: object) -> bool:
    """Whether the value is what it is before any run: nothing in it is an expression or a template."""
    return compile_config(cast("Any", value)).constant


def number(value: object, name: str, least: float, most: float) -> tuple[float, str | None]:
    """The value as a number from `least` to `most`, or a sentence that says what it should be. Numbers as text are numbers."""
    amount, _ = coerce(value, "number")
    if isinstance(value, bool) or not isinstance(amount, int | float) or not least <= amount <= most:
        shown = "is missing" if value is None else f"is {_shorten(value)}"
        return 0, f"`{name}` {shown}; it must be a number from {least:g} to {most:.0f}."
    return amount, None


def check_number(config: Mapping[str, Any], name: str, least: float, most: float) -> str | None:
    """The same of a config before any run: what is only known later, or missing, is not a fault yet."""
    value = config.get(name)
    return None if value is None or not is_constant(value) else number(value, name, least, most)[1]


def as_list(value: object) -> list[Any] | None:
    """The value where it is a list."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def as_mapping(value: object) -> Mapping[str, Any] | None:
    """The value where it is an object."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
