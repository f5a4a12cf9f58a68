"""Prices: what manifests say that an execution costs."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.engine.graph import price
from cargo_ai.kernel.configuration import prices


@pytest.mark.parametrize(
    ("cost", "output", "credits"),
    [
        ({"type": "fixed", "cost": 1.5}, None, 1.5),
        ({"type": "unit", "cost": 0.1, "unit": "emails"}, {"emails": [1, 2, 3]}, 0.3),
        ({"type": "unit", "cost": 0.1, "unit": "email"}, {"emails": [1, 2, 3]}, 0.3),
        ({"type": "unit", "cost": 0.1, "unit": "total"}, {"total": 7}, 0.7),
        ({"type": "unit", "cost": 2, "unit": "row", "fixedCost": 1}, [1, 2], 5),
        ({"type": "unit", "cost": 2, "unit": "row"}, {"name": "x"}, 2),
        ({"type": "unit", "cost": 2, "unit": "row"}, None, 0),
        ({"type": "unit", "cost": 2, "unit": "row"}, {"row": True}, 2),
        ({"type": "unit", "cost": 2, "unit": "row"}, {"row": -5}, 2),
        ({"type": "package", "cost": 5, "unit": "people", "unitsCount": 10}, {"people": [0] * 11}, 10),
        ({"type": "package", "cost": 5, "unit": "people", "unitsCount": 10, "fixedCost": 0.25}, {"people": [0] * 0}, 0.25),
        ({"type": "fixed", "cost": 0.0000004}, None, 0),
        ({"type": "fixed", "cost": float("nan")}, None, 0),
        ({"type": "fixed", "cost": -3}, None, 0),
        ({"type": "unit", "cost": 1e300, "unit": "row"}, [1], price.MAX),
    ],
)
def test_an_execution_costs_what_came_back(cost: dict[str, Any], output: Any, credits: float) -> None:
    assert price.of_success([cost], {}, output) == pytest.approx(credits, abs=1e-9)


def test_the_first_cost_applies_whose_condition_fits_the_config() -> None:
    deep: dict[str, Any] = {"jsonSchema": {"properties": {"deep": {"const": True}}, "required": ["deep"]}}
    costs: list[dict[str, Any]] = [{"type": "fixed", "cost": 10, "config": deep}, {"type": "fixed", "cost": 1}]

    assert [price.of_success(costs, config, None) for config in ({"deep": True}, {"deep": False}, {})] == [10, 1, 1]
    assert price.of_success(costs[:1], {}, None) == 0


def test_an_unknown_outcome_counts_as_one_item() -> None:
    assert price.of_unknown([{"type": "unit", "cost": 2, "unit": "row", "fixedCost": 0.5}], {}) == 2.5
    assert price.of_unknown([{"type": "package", "cost": 5, "unit": "row", "unitsCount": 10}], {}) == 5
    assert price.of_unknown([], {}) == 0


def test_an_operator_sets_prices_in_one_line() -> None:
    assert prices.parse("hunter.findEmail=1, a.b = 0.25/emails,people.search=5/10 people,x.free=0") == {
        "hunter.findEmail": ({"type": "fixed", "cost": 1.0},),
        "a.b": ({"type": "unit", "cost": 0.25, "unit": "emails"},),
        "people.search": ({"type": "package", "cost": 5.0, "unit": "people", "unitsCount": 10},),
        "x.free": (),
    }


@pytest.mark.parametrize("text", ["hunter=1", "hunter.findEmail", "a.b=-1", "a.b=1e9", "a.b=1/0 people", "a.b=0.0000001", "a.b=1/;drop"])
def test_a_price_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        prices.parse(text)
