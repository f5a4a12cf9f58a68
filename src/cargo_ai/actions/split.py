"""`split`: sends a share of the runs one way and the rest the other, the same way again in a replay."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config import check_number, number, schema
from cargo_ai.engine.graph.action import Category, Done, Failed, NativeAction, Outcome, Scope


class Split(NativeAction):
    """Goes to child 0 for `percentage` of all runs, to child 1 for the others."""

    slug = "split"
    name = "Split"
    description = "Sends this percentage of the runs to the first child, the others to the second."
    category: Category = "logic"
    icon = "split"
    config_schema = schema({"percentage": {"type": "number", "minimum": 0, "maximum": 100}}, ("percentage",))
    output_schema = schema({"percentage": {"type": "number"}, "child": {"type": "integer"}}, ("percentage", "child"))
    children_count = 2

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always two."""
        return (2,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """The percentage, where it is known before any run."""
        return check_number(config, "percentage", 0, 100)

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """`{percentage, child}`, decided by a hash of run, node and visit instead of by chance."""
        percentage, fault = number(config.get("percentage"), "percentage", 0, 100)
        if fault:
            return Failed(fault)
        child = 0 if share(scope) * 100 < percentage else 1
        return Done({"percentage": percentage, "child": child}, f"Child {child}", child=child)


def share(scope: Scope) -> float:
    """A number from 0 to below 1 that belongs to this visit of this node in this run; evenly spread over runs."""
    digest = hashlib.sha256(f"{scope.run}:{scope.node}:{scope.visit}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / (1 << 53)  # 53 bits: a larger number could round up to 1


ACTION: NativeAction = Split()
