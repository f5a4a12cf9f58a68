"""Moments: what a date condition's value means: a moment, a whole UTC day, or a span before now."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cargo_ai.warehouse.filter.terms import InvalidFilter

_SPAN = re.compile(r"(\d{1,6})\s+(second|minute|hour|day|week|month|year)s?(?:\s+ago)?\s*\Z", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to but not including `end`; a moment has `end` one microsecond later. `relative`: it moves with the clock."""

    start: datetime
    end: datetime
    relative: bool


def moment(text: str, now: datetime) -> Span:
    """What the text means at `now`; InvalidFilter when it means nothing."""
    text = text.strip()
    found = _SPAN.match(text)
    try:
        if found:
            start = _before(now, int(found[1]), found[2].lower())
            return Span(start, start + timedelta(microseconds=1), True)
        if _DAY.match(text):
            start = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return Span(start, start + timedelta(days=1), False)
        parsed = datetime.fromisoformat(text)
        start = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidFilter(f"{text!r} is no date: give an ISO date or time, or a span such as '3 months'.") from None
    return Span(start, start + timedelta(microseconds=1), False)


def day_of(at: datetime) -> tuple[datetime, datetime]:
    """The UTC day around a moment."""
    start = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + timedelta(days=1)


def _before(now: datetime, count: int, unit: str) -> datetime:
    if unit in _SECONDS:
        return now - timedelta(seconds=count * _SECONDS[unit])
    months = now.year * 12 + now.month - 1 - count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    if year < 1:
        raise InvalidFilter(f"{count} {unit}s before now is before the year 1.")
    # The 31st of March minus one month is the last of February.
    return now.replace(year=year, month=month + 1, day=min(now.day, calendar.monthrange(year, month + 1)[1]))
