"""`branch`: goes one of two ways, by a condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config.values import output, schema
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, Outcome, Routes, Scope
from cargo_ai.expression import condition


def decide(config: dict[str, Any], scope: Scope) -> Outcome:
    """`{condition}` and the child that it picks."""
    if "condition" not in config:
        return Failed("The branch has no condition: set `condition` in its config.")
    if condition(config["condition"]):
        return Done({"condition": True}, "✅ Condition is matched", child=0)
    return Done({"condition": False}, "❌ Condition is not matched", child=1)


def preview(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition as true or false: the text "false" holds no more than false does."""
    return {**config, "condition": condition(config["condition"])} if "condition" in config else config


ACTION: Action[Call] = Action(
    slug="branch",
    name="Branch",
    description="Goes to the first child when the condition holds, to the second when it does not.",
    does="decides",
    category="logic",
    icon="branch",
    config_schema=schema({"condition": {"description": "What decides between the two children."}}, ("condition",)),
    output_schema=output({"condition": {"type": "boolean"}}, ("condition",)),
    routes=Routes(("yes", "no")),
    decide=decide,
    preview=preview,
)
