"""Typed variables: the `variables[]{name,type,value}` that the actions `variables` and `end` evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.actions.config.values import Schema, as_list, as_mapping, is_constant, output, schema
from cargo_ai.engine.graph.action import Done, Failed, Outcome
from cargo_ai.engine.graph.graph import is_end
from cargo_ai.expression import VARIABLE_TYPES, coerce

CONFIG_SCHEMA = schema(
    {
        "variables": {
            "type": "array",
            "items": schema(
                {"name": {"type": "string", "minLength": 1}, "type": {"enum": list(VARIABLE_TYPES), "default": "any"}, "value": {}},
                ("name",),
            ),
        }
    }
)
_OUTPUTS: dict[str, Schema] = {
    "string": {"type": ["string", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"], "format": "date-time"},
    "array": {"type": ["array", "null"]},
    "object": {"type": ["object", "null"]},
}
_NOT_A_LIST = "`variables` must be a list of {name, type, value}."


def check(config: Mapping[str, Any]) -> str | None:
    """A sentence when the variables have not the shape they need, None when they do or are only known in a run."""
    variables = config.get("variables")
    entries = as_list(variables)
    if entries is None:
        return None if variables is None or not is_constant(variables) else _NOT_A_LIST
    return next((problem for position, entry in enumerate(entries) if (problem := _problem(entry, position))), None)


def outputs(config: Mapping[str, Any], _models: object = None) -> Schema:
    """The JSON Schema of what these variables give; one that says nothing of the fields where their names are known in a run only."""
    entries = as_list(config.get("variables") or [])
    fields = None if entries is None else [as_mapping(entry) for entry in entries]
    if fields is None or not all(entry is not None and is_constant(entry.get("name")) for entry in fields):
        return {"type": "object"}
    named = {str(entry["name"]): _OUTPUTS.get(str(entry.get("type")), {}) for entry in fields if entry and entry.get("name")}
    return output(named, tuple(named))


def outputs_of_graph(nodes: Sequence[Mapping[str, Any]]) -> Schema | None:
    """What a graph's `end` nodes give; None where it has none. Several of them are alternatives."""
    schemas = [outputs(as_mapping(node.get("config")) or {}) for node in nodes if is_end(node)]
    if not schemas:
        return None
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def evaluate(config: Mapping[str, Any], *, child: int | None) -> Outcome:
    """`{name: value as its type}` of a resolved config, on to `child`. The last of a name wins; what does not fit its type is null and
    leaves a warning. Failed when the variables cannot be read."""
    variables = config.get("variables")
    entries = [] if variables is None else as_list(variables)
    if entries is None:
        return Failed(_NOT_A_LIST)
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for position, entry in enumerate(entries):
        problem = _problem(entry, position)
        if problem:
            return Failed(problem)
        name = entry["name"]
        if name in values:
            warnings.append(f"Two variables are named {name}: the last one counts.")
        values[name], warning = coerce(entry.get("value"), entry.get("type") or "any")
        if warning:
            warnings.append(f"{name}: {warning}")
    return Done(values, child=child, warnings=tuple(warnings))


def _problem(entry: object, position: int) -> str | None:
    fields = as_mapping(entry)
    if fields is None:
        return f"`variables[{position}]` must be an object {{name, type, value}}."
    name, kind = fields.get("name"), fields.get("type")
    if not isinstance(name, str) or not name:
        return f"`variables[{position}]` has no name."
    if kind is not None and kind not in VARIABLE_TYPES:
        return f"The variable {name} has the type {kind!r}; the types are {', '.join(VARIABLE_TYPES)}."
    return None
