"""Parse the values of date conditions: a timestamp, a whole UTC day, or a time span before now."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cargo_ai.records.filter.terms import InvalidFilter

_SPAN = re.compile(r"(\d{1,6})\s+(second|minute|hour|day|week|month|year)s?(?:\s+ago)?\s*\Z", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_LATEST = datetime.max.replace(tzinfo=UTC)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From `start` up to but not including `end`; a moment has `end` one microsecond later. `live`: where it moves with the clock, the
    SQL for `start`, which gives the same."""

    start: datetime
    end: datetime
    live: str | None = None

    @property
    def relative(self) -> bool:
        """Whether it moves with the clock."""
        return self.live is not None

    @property
    def start_sql(self) -> str:
        """`start` as SQL."""
        return self.live or _literal(self.start)

    @property
    def end_sql(self) -> str:
        """`end` as SQL."""
        return f"({self.live} + interval '1 microsecond')" if self.live else _literal(self.end)

    @property
    def day(self) -> TimeSpan:
        """The UTC day around it, where it moves with the clock; a moment or day that was named stands for itself."""
        if self.live is None:
            return self
        start = self.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return RelativeDay(start, start + timedelta(days=1), f"(date_trunc('day', {self.live} at time zone 'UTC') at time zone 'UTC')")


@dataclass(frozen=True, slots=True)
class RelativeDay(TimeSpan):
    """A whole day that moves with the clock."""

    @property
    def end_sql(self) -> str:
        """The next day's beginning."""
        return f"({self.live} + interval '24 hours')"


def parse_date_value(text: str, now: datetime) -> TimeSpan:
    """What the text means at `now`; InvalidFilter when it means nothing."""
    text = text.strip()
    match = _SPAN.match(text)
    try:
        if match:
            start = _subtract(now, int(match[1]), match[2].lower())
            live = f"(((now() at time zone 'UTC') - interval '{int(match[1])} {match[2].lower()}') at time zone 'UTC')"
            return TimeSpan(start, start + timedelta(microseconds=1), live)
        if _DAY.match(text):
            start = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return TimeSpan(start, _add(start, timedelta(days=1)))
        parsed = datetime.fromisoformat(text)
        start = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidFilter(f"{text!r} is not a date: give an ISO date or time, or a span such as '3 months'.") from None
    return TimeSpan(start, _add(start, timedelta(microseconds=1)))


def _add(at: datetime, more: timedelta) -> datetime:
    """The moment that much later; the last day that there is stands for one without an end."""
    return at + more if at < _LATEST - more else _LATEST


def _literal(at: datetime) -> str:
    return f"'{at.astimezone(UTC).isoformat()}'::timestamptz"


def _subtract(now: datetime, count: int, unit: str) -> datetime:
    if unit in _SECONDS:
        return now - timedelta(seconds=count * _SECONDS[unit])
    months = now.year * 12 + now.month - 1 - count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    if year < 1:
        raise InvalidFilter(f"{count} {unit}s before now is before the year 1.")
    # The 31st of March minus one month is the last of February.
    return now.replace(year=year, month=month + 1, day=min(now.day, calendar.monthrange(year, month + 1)[1]))
