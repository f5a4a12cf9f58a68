"""`delay`: lets a run wait without holding a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config import check_number, number, schema
from cargo_ai.engine.graph.action import Category, Done, Failed, Later, NativeAction, Outcome, Scope

MOST_MINUTES = 365 * 24 * 60


class Delay(NativeAction):
    """Waits some minutes, then goes on."""

    slug = "delay"
    name = "Delay"
    description = "Waits this many minutes (fractions too), then continues."
    category: Category = "logic"
    icon = "clock"
    config_schema = schema({"minutes": {"type": "number", "minimum": 0, "maximum": MOST_MINUTES}}, ("minutes",))
    output_schema = schema({"minutes": {"type": "number"}}, ("minutes",))
    children_count = 1

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always one."""
        return (1,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """The minutes, where they are known before any run."""
        return check_number(config, "minutes", 0, MOST_MINUTES)

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """Later at first; `{minutes}` once the wait is over."""
        minutes, fault = number(config.get("minutes"), "minutes", 0, MOST_MINUTES)
        if fault:
            return Failed(fault)
        if minutes == 0 or scope.resumed:
            return Done({"minutes": minutes}, f"Waited {minutes:g} min")
        return Later(minutes * 60, reason="delay")


ACTION: NativeAction = Delay()
