"""Values: what fits into a column, how it is written, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.records.values import InvalidValue, from_text, quote_value, to_database


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("", "string", ""),
        (7, "string", "7"),
        (7.0, "string", "7"),
        (True, "string", "true"),
        ({"a": [1]}, "string", '{"a":[1]}'),
        (" 42 ", "number", "42.0"),
        ("", "number", None),
        ("1e3", "number", "1000.0"),
        (10**15, "number", "1000000000000000.0"),
        ("No", "boolean", "false"),
        (1, "boolean", "true"),
        ("2024-02-29", "date", "2024-02-29T00:00:00.000000+00:00"),
        ("2024-02-29T10:00:00+02:00", "date", "2024-02-29T08:00:00.000000+00:00"),
        (0, "date", "1970-01-01T00:00:00.000000+00:00"),
        (1_700_000_000_000, "date", "2023-11-14T22:13:20.000000+00:00"),
        ('{"a": 1}', "object", '{"a":1}'),
        ("[1, 2]", "array", "[1,2]"),
        ("[1,2.5]", "vector", "[1.0,2.5]"),
        ("text", "any", '"text"'),
        (None, "any", None),
    ],
)
def test_values_become_what_the_database_reads(value: Any, kind: ColumnType, text: str | None) -> None:
    assert to_database(value, kind) == text


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("abc", "number"),
        (True, "number"),
        ("1_000", "number"),
        ("0x10", "number"),
        ("1e999", "number"),
        (10**400, "number"),
        (math.nan, "number"),
        (math.inf, "any"),
        ("maybe", "boolean"),
        (2, "boolean"),
        ("2024-02-30", "date"),
        ("tomorrow", "date"),
        (True, "date"),
        ("[1]", "object"),
        ({}, "array"),
        ("{bad", "object"),
        ([], "vector"),
        ([True], "vector"),
        ("a\x00b", "string"),
        ("\ud800", "string"),
        ({"a": "\x00"}, "any"),
        ({"a": math.nan}, "object"),
    ],
)
def test_what_does_not_fit_is_refused(value: Any, kind: ColumnType) -> None:
    with pytest.raises(InvalidValue):
        to_database(value, kind)


@pytest.mark.parametrize("value", [math.inf, [math.nan], {1: {2}}])
def test_what_is_no_json_is_shown_all_the_same(value: Any) -> None:
    assert quote_value(value) == str(value)


def test_a_text_that_spells_an_escape_is_no_nul() -> None:
    assert to_database({"a": "\\u0000"}, "any") == '{"a":"\\\\u0000"}'


def test_what_was_written_is_shown_as_it_will_be_read() -> None:
    assert from_text(to_database("7", "number"), "number") == 7
    assert from_text(to_database("2024-01-02", "date"), "date") == "2024-01-02T00:00:00.000Z"
    assert from_text(to_database("yes", "boolean"), "boolean") is True


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    assert quote_value("x" * 100) == f'"{"x" * 59}…"'
    assert quote_value({"a": 1}) == '{"a":1}'
