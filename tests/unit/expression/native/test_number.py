"""Numbers print and read as in JavaScript."""

import math

import pytest

from cargo_ai.expression.native.number import as_double, number_to_text, text_to_number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (2.0, "2"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (0.30000000000000004, "0.30000000000000004"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (-1.25e-9, "-1.25e-9"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (123456789.125, "123456789.125"),
        (5e-324, "5e-324"),
        (2**53, "9007199254740992"),
        (2**53 + 1, "9007199254740992"),
        (12345678901234567890, "12345678901234567000"),
        (10**400, "Infinity"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
    ],
)
def test_a_number_prints_as_in_javascript(number: float, text: str) -> None:
    assert number_to_text(number) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        (" \u00a0\ufeff", 0),
        (" 42\n", 42),
        ("08", 8),
        ("-1.50", -1.5),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("0x1F", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ("1e999", math.inf),
    ],
)
def test_text_reads_as_in_javascript(text: str, number: float) -> None:
    assert text_to_number(text) == number


@pytest.mark.parametrize("text", ["abc", "1,234", "$5", "1_000", "0x", "-0x1", "0x+1", "1e", ".", "inf", "nan", "٣", "1 2"])
def test_text_that_is_no_number_reads_as_nan(text: str) -> None:
    assert math.isnan(text_to_number(text))


def test_whole_doubles_become_ints_within_the_safe_range() -> None:
    assert type(as_double(3.0)) is int
    assert type(as_double(2.0**60)) is float
    assert type(as_double(2**60)) is float
