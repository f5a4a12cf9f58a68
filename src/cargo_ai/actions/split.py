"""`split`: sends a share of the runs one way and the rest the other, the same way again in a replay."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config.values import check_number, number, output, schema
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, Outcome, Routes, Scope


def decide(config: dict[str, Any], scope: Scope) -> Outcome:
    """`{percentage, child}`, decided by a hash of run, node and visit instead of by chance."""
    percentage, problem = number(config.get("percentage"), "percentage", 0, 100)
    if problem:
        return Failed(problem)
    child = 0 if share(scope) * 100 < percentage else 1
    return Done({"percentage": percentage, "child": child}, f"Child {child}", child=child)


def share(scope: Scope) -> float:
    """A number from 0 to below 1 that belongs to this visit of this node in this run; evenly spread over runs."""
    digest = hashlib.sha256(f"{scope.run}:{scope.node}:{scope.visit}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / (1 << 53)  # 53 bits: a larger number could round up to 1


def shares(config: Mapping[str, Any]) -> tuple[float, float]:
    """How likely each child is; the config has been decided, so that its percentage is a number."""
    percentage, _ = number(config.get("percentage"), "percentage", 0, 100)
    return percentage / 100, 1 - percentage / 100


ACTION: Action[Call] = Action(
    slug="split",
    name="Split",
    description="Sends this percentage of the runs to the first child, the others to the second.",
    does="decides",
    category="logic",
    icon="split",
    config_schema=schema({"percentage": {"type": "number", "minimum": 0, "maximum": 100}}, ("percentage",)),
    output_schema=output({"percentage": {"type": "number"}, "child": {"type": "integer"}}, ("percentage", "child")),
    routes=lambda config: Routes((f"{config.get('percentage', '?')}%", "the rest")),
    shares=shares,
    check=lambda config: check_number(config, "percentage", 0, 100),
    decide=decide,
)
