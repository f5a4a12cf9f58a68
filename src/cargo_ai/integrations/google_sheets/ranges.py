"""Ranges: names of columns, sheets and rectangles as A1 notation writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cargo_ai.integrations.kit import InvalidConfig

_ALPHABET = 26
_RECTANGLE = re.compile(r"\$?([A-Za-z]{1,3})?\$?([1-9][0-9]{0,7})?(?::\$?([A-Za-z]{1,3})?\$?([1-9][0-9]{0,7})?)?")
_ADDRESS = re.compile(r"/spreadsheets/(?:u/[0-9]+/)?d/([A-Za-z0-9_-]+)")


def letters(column: int) -> str:
    """The name of a column by its position from 0: A, B, … Z, AA, …"""
    text = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, _ALPHABET)
        text = chr(ord("A") + rest) + text
    return text


def position(name: str) -> int:
    """The position of a column from 0, by its letters."""
    number = 0
    for letter in name.upper():
        number = number * _ALPHABET + ord(letter) - ord("A") + 1
    return number - 1


def quoted(sheet_name: str) -> str:
    """The name of a sheet as it stands in a range: always in quotes, so that a sheet A1 is not taken for a cell."""
    return "'{}'".format(sheet_name.replace("'", "''"))


def spreadsheet_of(text: str) -> str:
    """The id of a spreadsheet, which may also be given by its address."""
    address = _ADDRESS.search(text)
    return address[1] if address else text.strip()


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells: rows from 1, columns from 0, the last ones included; None: as far as the sheet goes."""

    first_row: int = 1
    first_column: int = 0
    last_row: int | None = None
    last_column: int | None = None

    def within(self, rows: int, columns: int) -> Area:
        """What of it lies on a sheet of this size. InvalidConfig where nothing does."""
        if self.first_row > rows or self.first_column >= columns:
            raise InvalidConfig(f"`range` begins after the end of the sheet, which has {rows} rows and {columns} columns.")
        last_row = rows if self.last_row is None else min(rows, self.last_row)
        last_column = columns - 1 if self.last_column is None else min(columns - 1, self.last_column)
        return Area(self.first_row, self.first_column, last_row, last_column)

    def text(self, sheet_name: str) -> str:
        """In A1 notation."""
        end = "" if self.last_column is None else letters(self.last_column)
        return f"{quoted(sheet_name)}!{letters(self.first_column)}{self.first_row}:{end}{self.last_row or ''}"


def area_of(text: str) -> Area:
    """The rectangle that A1 notation without a sheet's name means; everything for the empty text. InvalidConfig for another text."""
    match = _RECTANGLE.fullmatch(text.strip())
    if match is None or (text.strip() and not match[1] and not match[2]):
        raise InvalidConfig("`range` must be like A1:F200, A:F, 2:50 or B3; the sheet stands in `sheetName`.")
    first_column, first_row, last_column, last_row = match.groups()
    if ":" not in text:
        last_column, last_row = first_column, first_row
    elif not last_column and not last_row:
        raise InvalidConfig("`range` has nothing after the colon.")
    area = Area(
        int(first_row or 1),
        position(first_column) if first_column else 0,
        int(last_row) if last_row else None,
        position(last_column) if last_column else None,
    )
    if (area.last_row or area.first_row) < area.first_row or (area.last_column or area.first_column) < area.first_column:
        raise InvalidConfig("`range` ends before it begins.")
    return area
