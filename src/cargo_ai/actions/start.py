"""`start`: where a walk begins; its output is the input record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config import schema
from cargo_ai.engine.graph.action import Category, Done, NativeAction, Outcome, Scope


class Start(NativeAction):
    """Hands the input record to the graph."""

    slug = "start"
    name = "Start"
    description = "Where the workflow begins: its output is the input record."
    category: Category = "invisible"
    icon = "play"
    config_schema = schema({})
    output_schema = schema({})
    children_count = 1

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always one."""
        return (1,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """Nothing can be wrong: it takes no config."""
        return None

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """The record, on to the child."""
        return Done(scope.record)


ACTION: NativeAction = Start()
