"""Notation: turn numbers and dates as a country writes them into what the database reads, and trim texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from cargo_ai.contract.storage.columns import ColumnType

Decimal = Literal[".", ","]
DateOrder = Literal["ymd", "dmy", "mdy"]

# Thousands are in threes and always divided by the same sign.
_COMMA = re.compile(r"([+-]?)(\d+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:[ \u00a0\u202f']\d{3})+)(?:,(\d+))?([eE][+-]?\d{1,2})?")
_POINT = re.compile(r"([+-]?)(\d+|\d{1,3}(?:,\d{3})+|\d{1,3}(?:[ \u00a0\u202f']\d{3})+)(?:\.(\d+))?([eE][+-]?\d{1,2})?")
NUMBERS: dict[Decimal, re.Pattern[str]] = {",": _COMMA, ".": _POINT}
"""The form of a number, by the sign before its decimals."""
DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:,? +(\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([AaPp])\.?[Mm]\.?)?)?")
_CENTURY = 69
"""Of years of two digits, 69 to 99 are of the last century, as POSIX has it."""
_LONGEST = 60
UNREADABLE = "\x00"
"""Stands for a value that is not written as the notation has it; no file that can be read holds this character."""


@dataclass(frozen=True, slots=True)
class Notation:
    """How a file writes its values. `decimal`: the sign before decimals; the other one, a space or an apostrophe may divide thousands.
    `dates`: the order of day, month and year; ISO dates are read whatever it is. None: only what the database reads itself."""

    trim: bool = False
    decimal: Decimal | None = None
    dates: DateOrder | None = None

    @property
    def is_plain(self) -> bool:
        """Whether every value is left as it is."""
        return not self.trim and self.decimal is None and self.dates in (None, "ymd")

    def rewrite(self, kind: ColumnType, values: Sequence[str]) -> Sequence[str]:
        """The values of a column of this type as the database reads them; UNREADABLE for numbers in another notation, for to
        guess would be to load wrong ones. Other values that are not understood are left as they are."""
        if self.trim:
            values = [value.strip() for value in values]
        change = self._change(kind)
        return values if change is None else [change(value) if 0 < len(value) <= _LONGEST else value for value in values]

    def _change(self, kind: ColumnType) -> Callable[[str], str] | None:
        if kind == "number" and self.decimal is not None:
            return _comma_number if self.decimal == "," else _point_number
        if kind == "date" and self.dates in ("dmy", "mdy"):
            return _day_first if self.dates == "dmy" else _month_first
        return None


PLAIN = Notation()


def _comma_number(text: str) -> str:
    return _number(_COMMA, text)


def _point_number(text: str) -> str:
    return _number(_POINT, text)


def _number(form: re.Pattern[str], text: str) -> str:
    match = form.fullmatch(text.strip())
    if match is None:
        return UNREADABLE if text.strip() else ""
    sign, whole, decimals, exponent = match.groups(default="")
    digits = re.sub(r"\D", "", whole)
    return f"{sign}{digits}{'.' if decimals else ''}{decimals}{exponent}"


def _day_first(text: str) -> str:
    match = DATE.fullmatch(text.strip())
    return text if match is None else _iso(match, day=match[1], month=match[3])


def _month_first(text: str) -> str:
    match = DATE.fullmatch(text.strip())
    return text if match is None else _iso(match, day=match[3], month=match[1])


def _iso(match: re.Match[str], *, day: str, month: str) -> str:
    year, hour, minute, second, half = match[4], match[5], match[6], match[7], match[8]
    if len(year) == 2:
        year = f"{'19' if int(year) >= _CENTURY else '20'}{year}"
    date = f"{year}-{int(month):02}-{int(day):02}"
    if hour is None:
        return date
    hours = int(hour)
    if half is not None:
        # 12 AM is midnight, and 12 PM noon. What is not an hour of a clock of twelve becomes one that the database refuses.
        hours = hours % 12 + (12 if half in "Pp" else 0) if 1 <= hours <= 12 else 99
    return f"{date}T{hours:02}:{minute}:{second or '00'}"
