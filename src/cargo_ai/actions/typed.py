"""Typed variables: the `variables[]{name,type,value}` of the actions `variables` and `end`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config import known, listed, mapping, schema
from cargo_ai.expression import VARIABLE_TYPES, coerce

CONFIG_SCHEMA = schema(
    {
        "variables": {
            "type": "array",
            "items": schema(
                {"name": {"type": "string", "minLength": 1}, "type": {"enum": list(VARIABLE_TYPES)}, "value": {}}, ("name", "type", "value")
            ),
        }
    }
)


class NoVariables(ValueError):
    """The config's variables cannot be read; the message says why."""


def check(config: Mapping[str, Any]) -> str | None:
    """A sentence when the variables have not the shape they need, None when they do or are only known in a run."""
    variables = config.get("variables")
    entries = listed(variables)
    if entries is None:
        return None if variables is None or not known(variables) else _NOT_A_LIST
    return next((fault for position, entry in enumerate(entries) if (fault := _fault(entry, position))), None)


def read(config: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """`({name: value as its type}, warnings)` of a resolved config; the last of a name wins. NoVariables when it cannot be read."""
    variables = config.get("variables")
    if variables is None:
        return {}, ()
    entries = listed(variables)
    if entries is None:
        raise NoVariables(_NOT_A_LIST)
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for position, entry in enumerate(entries):
        fault = _fault(entry, position)
        if fault:
            raise NoVariables(fault)
        name = entry["name"]
        if name in values:
            warnings.append(f"Two variables are named {name}: the last one counts.")
        values[name], warning = coerce(entry.get("value"), entry.get("type") or "any")
        if warning:
            warnings.append(f"{name}: {warning}")
    return values, tuple(warnings)


_NOT_A_LIST = "`variables` must be a list of {name, type, value}."


def _fault(entry: object, position: int) -> str | None:
    fields = mapping(entry)
    if fields is None:
        return f"`variables[{position}]` must be an object {{name, type, value}}."
    name, kind = fields.get("name"), fields.get("type")
    if not isinstance(name, str) or not name:
        return f"`variables[{position}]` has no name."
    if kind is not None and kind not in VARIABLE_TYPES:
        return f"The variable {name} has the type {kind!r}; the types are {', '.join(VARIABLE_TYPES)}."
    return None
