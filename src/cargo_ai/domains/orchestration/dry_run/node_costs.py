"""Node costs: the credits of one execution and of the dearest run of a graph, from the manifests of actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from cargo_ai.engine.graph.action import Action, Actions, Call
from cargo_ai.kernel.wire import JsonObject


class Costs(NamedTuple):
    """Credits of one execution, at least and at most; `most` is None where nothing bounds it."""

    least: float = 0.0
    most: float | None = 0.0


def of_action(action: Action[Call] | None) -> Costs:
    """What one execution of an action costs by itself; what child runs cost comes on top. A failed one costs nothing."""
    costs = action.costs if action is not None else ()
    if not costs:
        return Costs()
    least = min(_least(cost) for cost in costs)
    # By units: how many there will be is known when the answer is there.
    return Costs(least, None if any(cost.get("type") != "fixed" for cost in costs) else max(_least(cost) for cost in costs))


def _least(cost: Mapping[str, Any]) -> float:
    return float(cost.get("cost") or 0) if cost.get("type") == "fixed" else float(cost.get("fixedCost") or 0)


def most_per_run(nodes: Sequence[JsonObject], actions: Actions) -> float | None:
    """What the dearest way through a graph costs, above 0; None where that is nothing, or not known before. O(nodes + edges)."""
    by_uuid = {str(node["uuid"]): node for node in nodes}
    known: dict[str, float | None] = {}

    def ahead(uuid: str) -> float | None:
        if uuid not in known:
            known[uuid] = None  # a circle, which no deployed graph has
            known[uuid] = _from(by_uuid[uuid])
        return known[uuid]

    def _from(node: JsonObject) -> float | None:
        action = actions.find(node)
        own = None if action is None or action.runs_children else of_action(action).most
        targets = [*cast("list[Any]", node.get("childrenUuids") or []), node.get("fallbackChildUuid")]
        behind = [ahead(str(target)) for target in targets if target in by_uuid]
        if own is None or None in behind:
            return None
        return own + max([cast("float", cost) for cost in behind], default=0.0)

    start = next((uuid for uuid, node in by_uuid.items() if node.get("slug") == "start"), None)
    return (ahead(start) or None) if start is not None else None
