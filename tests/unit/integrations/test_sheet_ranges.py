"""Ranges of Google Sheets: columns by their letters, names in quotes, A1 notation, addresses of spreadsheets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cargo_ai.integrations.google_sheets.ranges import Area, area_of, letters, position, quoted, spreadsheet_of
from cargo_ai.integrations.kit import InvalidConfig


@given(st.integers(0, 18_277))
def test_a_column_is_found_by_its_letters(column: int) -> None:
    assert position(letters(column)) == column


def test_columns_are_named_as_sheets_does() -> None:
    assert [letters(column) for column in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


def test_a_sheets_name_cannot_end_its_quotes() -> None:
    assert quoted("It's!A1") == "'It''s!A1'"


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("", Area()),
        ("A1:F200", Area(1, 0, 200, 5)),
        ("$B$3", Area(3, 1, 3, 1)),
        ("a:f", Area(1, 0, None, 5)),
        ("2:50", Area(2, 0, 50, None)),
        ("B2:D", Area(2, 1, None, 3)),
        ("C5:9", Area(5, 2, 9, None)),
    ],
)
def test_a_range_is_read(text: str, area: Area) -> None:
    assert area_of(text) == area


@pytest.mark.parametrize(
    "text", ["People!A1", "A0", "B2:A1", "A5:B3", "A1:", ":", ":B2", "A1:B2:C3", "ÄA1", "A1;DROP", "Names", "A99999999999"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfig, match="range"):
        area_of(text)


def test_a_spreadsheet_may_be_given_by_its_address() -> None:
    assert spreadsheet_of("https://docs.google.com/spreadsheets/d/1Bx_i-M/edit#gid=0") == "1Bx_i-M"
    assert spreadsheet_of("https://docs.google.com/spreadsheets/u/1/d/1Bx/edit") == "1Bx"
    assert spreadsheet_of(" 1Bx ") == "1Bx"
