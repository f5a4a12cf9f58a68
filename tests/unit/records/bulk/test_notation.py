"""Numbers and dates as countries write them."""

from __future__ import annotations

import pytest

from cargo_ai.records.bulk.notation import PLAIN, UNREADABLE, DateOrder, Decimal, Notation


@pytest.mark.parametrize(
    ("decimal", "text", "number"),
    [
        (",", "1.234,50", "1234.50"),
        (",", "1.234.567", "1234567"),
        (",", "1 234,5", "1234.5"),
        (",", "1\u202f234", "1234"),
        (",", "1'234,5", "1234.5"),
        (",", "-0,5", "-0.5"),
        (",", "+7", "+7"),
        (",", "1,5e3", "1.5e3"),
        (",", "  ", ""),
        (",", "1.5", UNREADABLE),
        (",", "12.34.567", UNREADABLE),
        (",", "1,234,567", UNREADABLE),
        (",", "abc", UNREADABLE),
        (".", "1,234.50", "1234.50"),
        (".", "1234.5", "1234.5"),
        (".", "1,23", UNREADABLE),
    ],
)
def test_a_number_is_read_in_one_notation_and_never_guessed(decimal: Decimal, text: str, number: str) -> None:
    assert Notation(decimal=decimal).rewrite("number", [text]) == [number]


@pytest.mark.parametrize(
    ("order", "text", "date"),
    [
        ("dmy", "21.9.2025", "2025-09-21"),
        ("dmy", "1-2-99", "1999-02-01"),
        ("dmy", "21/09/68 13:05", "2068-09-21T13:05:00"),
        ("mdy", "9/21/2025", "2025-09-21"),
        ("mdy", "9/21/2025 12:05 AM", "2025-09-21T00:05:00"),
        ("mdy", "9/21/2025, 1:05:09 p.m.", "2025-09-21T13:05:09"),
        ("mdy", "9/21/2025 13:05 PM", "2025-09-21T99:05:00"),
        ("dmy", "2025-09-21", "2025-09-21"),
        ("dmy", "1.2/2025", "1.2/2025"),
        ("ymd", "1.2.2025", "1.2.2025"),
    ],
)
def test_a_date_is_read_in_the_order_that_is_given(order: DateOrder, text: str, date: str) -> None:
    assert Notation(dates=order).rewrite("date", [text]) == [date]


def test_a_month_beyond_twelve_is_left_for_the_database_to_refuse() -> None:
    assert Notation(dates="dmy").rewrite("date", ["9/21/2025"]) == ["2025-21-09"]


def test_trimming_is_for_every_type_and_nothing_else_is_touched() -> None:
    assert Notation(trim=True).rewrite("string", [" a b ", ""]) == ["a b", ""]
    assert PLAIN.is_plain and PLAIN.rewrite("string", [" a "]) == [" a "]
    assert Notation(decimal=",").rewrite("string", ["1.234,50"]) == ["1.234,50"]
