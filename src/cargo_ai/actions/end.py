"""`end`: where a walk ends; its variables are the run's output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions import typed
from cargo_ai.actions.config import schema
from cargo_ai.engine.graph.action import Category, Done, Failed, NativeAction, Outcome, Scope


class End(NativeAction):
    """Ends the run with an output of typed variables."""

    slug = "end"
    name = "End"
    description = "Where the workflow ends: the variables are the output of the run."
    category: Category = "logic"
    icon = "flag"
    config_schema = typed.CONFIG_SCHEMA
    output_schema = schema({})
    children_count = 0

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always none."""
        return (0,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """The shape of the variables."""
        return typed.check(config)

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """The variables as their types, {} without any; what does not fit is null and leaves a warning."""
        try:
            values, warnings = typed.read(config)
        except typed.NoVariables as fault:
            return Failed(str(fault))
        return Done(values, child=None, warnings=warnings)


ACTION: NativeAction = End()
