"""`filter`: lets a record go on, or ends its run in success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config import schema
from cargo_ai.engine.graph.action import Category, Done, Failed, NativeAction, Outcome, Scope
from cargo_ai.expression import condition


class Filter(NativeAction):
    """Ends the run when its condition does not hold."""

    slug = "filter"
    name = "Filter"
    description = "Goes on when the condition holds; otherwise the run ends here, in success."
    category: Category = "logic"
    icon = "filter"
    config_schema = schema({"filter": {"description": "The condition on which the run continues."}}, ("filter",))
    output_schema = schema({"condition": {"type": "boolean"}}, ("condition",))
    children_count = 1

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always one."""
        return (1,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """Any value is a condition, and a missing one is told when it runs."""
        return None

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """`{condition}`: the child when it holds, the end when it does not. `condition` is read where there is no `filter`."""
        name = "filter" if "filter" in config else "condition"
        if name not in config:
            return Failed("The filter has no condition: set `filter` in its config.")
        if condition(config[name]):
            return Done({"condition": True}, "✅ Condition is matched")
        return Done({"condition": False}, "❌ Condition is not matched", child=None)


ACTION: NativeAction = Filter()
