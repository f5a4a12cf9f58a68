"""`branch`: two ways to go on, by a condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config import schema
from cargo_ai.engine.graph.action import Category, Done, Failed, NativeAction, Outcome, Scope
from cargo_ai.expression import condition


class Branch(NativeAction):
    """Goes to child 0 when its condition holds, to child 1 when it does not."""

    slug = "branch"
    name = "Branch"
    description = "Goes to the first child when the condition holds, to the second when it does not."
    category: Category = "logic"
    icon = "branch"
    config_schema = schema({"condition": {"description": "What decides between the two children."}}, ("condition",))
    output_schema = schema({"condition": {"type": "boolean"}}, ("condition",))
    children_count = 2

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always two."""
        return (2,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """Any value is a condition, and a missing one is told when it runs."""
        return None

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """`{condition}` and the child it picks."""
        if "condition" not in config:
            return Failed("The branch has no condition: set `condition` in its config.")
        if condition(config["condition"]):
            return Done({"condition": True}, "✅ Condition is matched", child=0)
        return Done({"condition": False}, "❌ Condition is not matched", child=1)


ACTION: NativeAction = Branch()
