"""Values of a query as JSON that every reader takes."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from cargo_ai.user_sql.run import cell_values


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal(10) ** 20, 10**20),
        (10**307, 10**307),
        (Decimal("1e400"), "1" + "0" * 400),
        (10**400, "1" + "0" * 400),
        (-(10**5000), "-1" + "0" * 5000),
        ([Decimal("1e400")], ["1" + "0" * 400]),
        (Decimal("1.5"), 1.5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_whole_number_beyond_what_json_readers_take_is_a_text(value: object, shown: object) -> None:
    assert cell_values.to_json(value) == shown
    json.loads(json.dumps(cell_values.to_json(value)))


def test_a_json_column_with_a_number_of_5000_digits_is_read() -> None:
    digits = "1" * 5000
    assert cell_values.load_json(f'{{"n": {digits}, "m": 7}}') == {"n": digits, "m": 7}
