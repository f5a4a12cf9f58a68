"""Periods: when the credits of a cadence begin, and when they are reset. They follow the calendar in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cargo_ai.contract.billing.subscription import SubscriptionCadence

MONTHS: dict[SubscriptionCadence, int] = {"monthly": 1, "quarterly": 3, "semi_annual": 6, "annual": 12}
"""How many months a period has; other cadences are not repeated."""
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start`, until before `end`."""

    start: datetime
    end: datetime


def period_at(cadence: SubscriptionCadence, when: datetime) -> Period:
    """The calendar's period of a cadence in which a time lies. One that is not repeated began at that time and does not end."""
    months = MONTHS.get(cadence)
    if months is None:
        return Period(when, NEVER)
    when = when.astimezone(UTC)
    index = (when.year * 12 + when.month - 1) // months * months
    return Period(_month(index), _month(index + months))


def _month(index: int) -> datetime:
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)
