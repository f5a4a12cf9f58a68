"""Prices: what an execution costs in credits, by the manifest of its action.

Of several costs the first one applies whose `config` fits the node's. `fixed` costs `cost`. `unit` costs `fixedCost`, and `cost` for each
item of what came back; `package` costs `cost` for each `unitsCount` items that were begun. The items are the list in the output that
`unit` names, or the number there; else the output itself, where it is a list; else 1, or 0 where nothing came back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import jsonschema_rs
from pydantic_core import to_json

from cargo_ai.ledger.amounts import PLACES

Json = Any
Costs = Sequence[Mapping[str, Json]]
MAX = 1e9
"""No execution costs more."""


def round_credits(value: float) -> float:
    """Credits with six places, as the ledger keeps them; 0 for what is not an amount, and never more than `MAX`."""
    return round(min(value, MAX), PLACES) if value > 0 else 0.0


def of_success(costs: Costs, config: Json, output: Json) -> float:
    """What an execution costs that gave this output."""
    cost = _applies(costs, config)
    return 0.0 if cost is None else _total(cost, lambda unit: _items(unit, output))


def of_unknown(costs: Costs, config: Json) -> float:
    """What is counted as spent of a call whose outcome no one knows: as if one item had come back."""
    cost = _applies(costs, config)
    return 0.0 if cost is None else _total(cost, lambda _: 1)


def _total(cost: Mapping[str, Json], items: Callable[[str], float]) -> float:
    each = float(cost.get("cost") or 0)
    if cost.get("type") == "fixed":
        return round_credits(each)
    count = items(str(cost.get("unit") or ""))
    if cost.get("type") == "package":
        count = math.ceil(count / max(1.0, float(cost.get("unitsCount") or 1)))
    return round_credits(float(cost.get("fixedCost") or 0) + each * count)


def _applies(costs: Costs, config: Json) -> Mapping[str, Json] | None:
    for cost in costs:
        schema = cast("Mapping[str, Json]", cost.get("config") or {}).get("jsonSchema")
        if schema is None or _validator(to_json(schema)).is_valid(config):
            return cost
    return None


@lru_cache(maxsize=1_000)
def _validator(schema: bytes) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(schema.decode())


def _items(unit: str, output: Json) -> float:
    if isinstance(output, dict):
        for name in (unit, f"{unit}s"):
            counted = cast("dict[str, Json]", output).get(name)
            if isinstance(counted, list):
                return len(cast("list[Json]", counted))
            if isinstance(counted, int | float) and not isinstance(counted, bool) and 0 <= counted < math.inf:
                return counted
        return 1 if output else 0
    if isinstance(output, list):
        return len(cast("list[Json]", output))
    return 0 if output in (None, "", False) else 1
