"""Hints on notation: how texts would have to be read to be numbers or dates (decimal sign, order of day and month)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cargo_ai.records.bulk.notation import DATE, NUMBERS, DateOrder, Decimal, Notation

LikelyType = Literal["number", "date"]


def likely_decimal(texts: Sequence[str]) -> Decimal | None:
    """The sign before decimals with which all of these are numbers, and with the other one they are not. None where no comma is in any of
    them: what has points alone may be something else, such as an address of a network."""
    fitting: list[Decimal] = [sign for sign, form in NUMBERS.items() if all(form.fullmatch(text.strip()) for text in texts)]
    return fitting[0] if len(fitting) == 1 and any("," in text for text in texts) else None


def likely_order(texts: Sequence[str]) -> DateOrder | None:
    """The order of day and month in which all of these are dates; None where they are not, or where both are possible."""
    matches = [DATE.fullmatch(text.strip()) for text in texts]
    pairs = [(int(match[1]), int(match[3])) for match in matches if match is not None]
    if len(pairs) < len(texts) or not pairs or any(month > 12 and day > 12 for day, month in pairs):
        return None
    if all(month <= 12 for _, month in pairs) and (any(day > 12 for day, _ in pairs) or "." in texts[0]):
        return "dmy"
    return "mdy" if all(day <= 12 for day, _ in pairs) and any(month > 12 for _, month in pairs) else None


def likely(texts: Sequence[str], written: Notation) -> tuple[LikelyType, str] | None:
    """What texts are that nothing but text could be read from, and the value of the option that says so. None for an option that was
    given: who says how a file is written knows."""
    known = [text for text in texts if text.strip()]
    if not known:
        return None
    decimal = likely_decimal(known) if written.decimal is None else None
    order = likely_order(known) if decimal is None and written.dates in (None, "ymd") else None
    return ("number", decimal) if decimal is not None else ("date", order) if order is not None else None
