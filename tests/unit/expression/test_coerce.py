"""Values take the declared type of a variable, or become null with a warning."""

import math
from typing import Any

import pytest

from cargo_ai.expression import VariableType, coerce, condition
from cargo_ai.expression.native.values import UNDEFINED

CASES: list[tuple[VariableType, object, object]] = [
    ("string", "x", "x"),
    ("string", "", ""),
    ("string", 2.0, "2"),
    ("string", 1e21, "1e+21"),
    ("string", True, "true"),
    ("string", {"a": [1, "é"]}, '{"a":[1,"é"]}'),
    ("number", 5, 5),
    ("number", 2.0, 2),
    ("number", True, 1),
    ("number", False, 0),
    ("number", "42", 42),
    ("number", " 1e3 ", 1000),
    ("number", "0x1F", 31),
    ("number", "", None),
    ("boolean", True, True),
    ("boolean", 0, False),
    ("boolean", 3, True),
    ("boolean", "Yes", True),
    ("boolean", "on", True),
    ("boolean", "1", True),
    ("boolean", "n", False),
    ("boolean", "off", False),
    ("boolean", "", False),
    ("boolean", [], True),
    ("boolean", {}, True),
    ("date", "2024-01-15", "2024-01-15T00:00:00.000Z"),
    ("date", "2024-01-15T10:30:00Z", "2024-01-15T10:30:00.000Z"),
    ("date", "2024-01-15T10:30:00.1239+02:00", "2024-01-15T08:30:00.123Z"),
    ("date", "2024-01-15 10:30", "2024-01-15T10:30:00.000Z"),
    ("date", "0099-01-01", "0099-01-01T00:00:00.000Z"),
    ("date", 1705314600, "2024-01-15T10:30:00.000Z"),
    ("date", 1705314600123, "2024-01-15T10:30:00.123Z"),
    ("date", -1, "1969-12-31T23:59:59.000Z"),
    ("date", "", None),
    ("array", [1], [1]),
    ("array", '[1, "a", 2.0]', [1, "a", 2]),
    ("array", "", []),
    ("array", "a,b", ["a,b"]),
    ("array", "[nope", ["[nope"]),
    ("array", 5, [5]),
    ("array", {"a": 1}, [{"a": 1}]),
    ("object", {"a": 1}, {"a": 1}),
    ("object", ' {"a": 1e999, "b": 2.0} ', {"a": None, "b": 2}),
    ("any", "42", "42"),
    ("any", [1], [1]),
]


@pytest.mark.parametrize(("to", "value", "expected"), CASES)
def test_a_value_that_fits_takes_the_declared_type(to: VariableType, value: object, expected: object) -> None:
    result, warning = coerce(value, to)
    assert (result, type(result), warning) == (expected, type(expected), None)


@pytest.mark.parametrize(
    ("to", "value", "warning"),
    [
        ("number", "201-500", '"201-500" is not a number, so the value is null.'),
        ("number", "1,234", '"1,234" is not a number, so the value is null.'),
        ("number", "$5", '"$5" is not a number, so the value is null.'),
        ("number", "Infinity", '"Infinity" is not a number, so the value is null.'),
        ("number", [1], '"[1]" is not a number, so the value is null.'),
        ("boolean", "maybe", '"maybe" is not a boolean, so the value is null.'),
        ("date", "Jan 15, 2024", '"Jan 15, 2024" is not a date, so the value is null.'),
        ("date", True, '"true" is not a date, so the value is null.'),
        ("date", 1e300, '"1e+300" is not a date, so the value is null.'),
        ("date", "0001-01-01T00:00:00+05:00", '"0001-01-01T00:00:00+05:00" is not a date, so the value is null.'),
        ("object", "[1]", '"[1]" is not an object, so the value is null.'),
        ("object", '{"a": NaN}', '"{"a": NaN}" is not an object, so the value is null.'),
        ("object", '{"a":' * 100_000, '"' + ('{"a":' * 12)[:59] + '…" is not an object, so the value is null.'),
        ("object", 5, '"5" is not an object, so the value is null.'),
    ],
)
def test_a_value_that_does_not_fit_is_null_with_a_warning(to: VariableType, value: object, warning: str) -> None:
    assert coerce(value, to) == (None, warning)


@pytest.mark.parametrize("to", ["string", "number", "boolean", "date", "array", "object", "any"])
@pytest.mark.parametrize("value", [None, UNDEFINED, math.nan, math.inf, -math.inf, 10**400])
def test_absent_and_infinite_values_are_null_under_every_type(to: VariableType, value: object) -> None:
    assert coerce(value, to) == (None, None)


def test_an_unknown_type_is_a_programming_error() -> None:
    unknown: Any = "money"
    with pytest.raises(ValueError, match="money is not one of string, number"):
        coerce(1, unknown)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (1, True),
        ("a > 5", True),
        ("true", True),
        (" TRUE ", True),
        ("0", True),
        (" ", True),
        ([], True),
        ({}, True),
        (False, False),
        ("false", False),
        (" False\n", False),
        ("", False),
        (0, False),
        (math.nan, False),
        (None, False),
        (UNDEFINED, False),
    ],
)
def test_a_condition_is_javascript_truth_save_for_the_words_true_and_false(value: object, expected: bool) -> None:
    assert condition(value) is expected
