"""Estimate how many rows a query reads from the planner's plan, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

Plan = Mapping[str, Any]

_READ_ONCE = frozenset({"Materialize", "Memoize"})
"""What is read once however often it is asked."""
_READ_WHOLE = frozenset({"Sort", "Incremental Sort", "Aggregate", "WindowAgg", "Unique", "SetOp"})
"""What reads everything below it before, or whatever, is asked of it."""


def estimate_scanned_rows(plan: Plan, times: float = 1.0) -> float:
    """The rows of tables that a plan reads when it is executed `times` times. Conditions on a view count where they stand: above it.
    O(nodes)."""
    below = cast("Sequence[Plan]", plan.get("Plans") or ())
    rows = float(plan.get("Plan Rows") or 0)
    total = rows * times if "Relation Name" in plan else 0.0
    kind = plan.get("Node Type")
    for child in below:
        again = times
        related = child.get("Parent Relationship")
        if kind == "Nested Loop" and related == "Inner" and child.get("Node Type") not in _READ_ONCE:
            again *= max(float(below[0].get("Plan Rows") or 0), 1.0)
        elif related == "SubPlan" and not str(child.get("Subplan Name", "")).startswith(("CTE", "hashed")):
            again *= max(rows, 1.0)
        total += estimate_scanned_rows(child, again) * _share_read(plan, child, rows)
    return total


def _share_read(plan: Plan, below: Plan, rows: float) -> float:
    """The share of what is below that the node asks for: behind a condition on a view, or up to a LIMIT."""
    kind, child_rows = plan.get("Node Type"), float(below.get("Plan Rows") or 0)
    if child_rows <= rows or child_rows <= 0:
        return 1.0
    if kind == "Subquery Scan" or (kind == "Limit" and below.get("Node Type") not in _READ_WHOLE):
        return rows / child_rows
    return 1.0
