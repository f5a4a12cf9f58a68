"""`variables`: names values, so that later nodes can read them as `{{nodes.<slug>.<name>}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions import typed
from cargo_ai.actions.config import schema
from cargo_ai.engine.graph.action import Category, Done, Failed, NativeAction, Outcome, Scope


class Variables(NativeAction):
    """Computes typed values."""

    slug = "variables"
    name = "Variables"
    description = "Names values and gives them a type, for the nodes that follow."
    category: Category = "logic"
    icon = "variable"
    config_schema = typed.CONFIG_SCHEMA
    output_schema = schema({})
    children_count = 1

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always one."""
        return (1,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """The shape of the variables."""
        return typed.check(config)

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """The variables as their types; what does not fit is null and leaves a warning."""
        try:
            values, warnings = typed.read(config)
        except typed.NoVariables as fault:
            return Failed(str(fault))
        return Done(values, warnings=warnings)


ACTION: NativeAction = Variables()
