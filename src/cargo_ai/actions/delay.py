"""`delay`: lets a run wait without holding a worker."""

from __future__ import annotations

from typing import Any

from cargo_ai.actions.config.values import check_number, number, output, schema
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, Later, Outcome, Scope

MAX_MINUTES = 365 * 24 * 60


def decide(config: dict[str, Any], scope: Scope) -> Outcome:
    """Later at first; `{minutes}` once the wait is over."""
    minutes, problem = number(config.get("minutes"), "minutes", 0, MAX_MINUTES)
    if problem:
        return Failed(problem)
    if minutes == 0 or scope.resumed:
        return Done({"minutes": minutes}, f"Waited {minutes:g} min")
    return Later(minutes * 60, reason="delay")


ACTION: Action[Call] = Action(
    slug="delay",
    name="Delay",
    description="Waits this many minutes (fractions too), then continues.",
    does="decides",
    category="logic",
    icon="clock",
    config_schema=schema({"minutes": {"type": "number", "minimum": 0, "maximum": MAX_MINUTES}}, ("minutes",)),
    output_schema=output({"minutes": {"type": "number"}}, ("minutes",)),
    check=lambda config: check_number(config, "minutes", 0, MAX_MINUTES),
    decide=decide,
)
