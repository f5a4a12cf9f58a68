"""Prices of actions as a setting: `hunter.findEmail=1, hunter.searchDomain=0.1/emails, apolloio.searchPeople=5/10 records`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

CREDITS = r"\d{1,9}(?:\.\d{1,6})?"
_PRICE = re.compile(
    rf"(?P<action>[^\s=.]+\.[^\s=]+)\s*=\s*(?P<cost>{CREDITS})(?:\s*/\s*(?:(?P<count>[1-9]\d{{0,8}})\s+)?(?P<unit>[A-Za-z_]\w*))?"
)

Costs = Sequence[Mapping[str, Any]]


def parse(text: str) -> Mapping[str, Costs]:
    """The costs by `<integration>.<action>` or `native.<action>`, as actions declare them. ValueError names what is wrong."""
    prices: dict[str, Costs] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _PRICE.fullmatch(part)
        if match is None:
            examples = "hunter.findEmail=1, hunter.searchDomain=0.1/emails or apolloio.searchPeople=5/10 records"
            raise ValueError(f"must be like {examples}, not {part}")
        cost = float(match["cost"])
        prices[match["action"]] = (_cost(cost, match["unit"], match["count"]),) if cost else ()
    return prices


def _cost(cost: float, unit: str | None, count: str | None) -> Mapping[str, Any]:
    if unit is None:
        return {"type": "fixed", "cost": cost}
    if count is None:
        return {"type": "unit", "cost": cost, "unit": unit}
    return {"type": "package", "cost": cost, "unit": unit, "unitsCount": int(count)}
