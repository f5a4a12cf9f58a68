"""`filter`: lets a record go on, or ends its run in success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config.values import output, schema
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, Outcome, Routes, Scope
from cargo_ai.expression import condition

_NAMES = ("filter", "condition")


def decide(config: dict[str, Any], scope: Scope) -> Outcome:
    """`{condition}`: the child when it holds, the end when it does not. `condition` is read where there is no `filter`."""
    name = next((name for name in _NAMES if name in config), None)
    if name is None:
        return Failed("The filter has no condition: set `filter` in its config.")
    if condition(config[name]):
        return Done({"condition": True}, "✅ Condition is matched")
    return Done({"condition": False}, "❌ Condition is not matched", child=None)


def preview(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition as true or false."""
    return {name: condition(value) if name in _NAMES else value for name, value in config.items()}


ACTION: Action[Call] = Action(
    slug="filter",
    name="Filter",
    description="Goes on when the condition holds; otherwise the run ends here, in success.",
    does="decides",
    category="logic",
    icon="filter",
    config_schema=schema(
        {
            "filter": {"description": "The condition on which the run continues."},
            "condition": {"description": "The same, where there is no `filter`."},
        }
    )
    | {"anyOf": [{"required": ["filter"]}, {"required": ["condition"]}]},
    output_schema=output({"condition": {"type": "boolean"}}, ("condition",)),
    routes=Routes(("matched",), may_end=True),
    decide=decide,
    preview=preview,
)
