"""Cron: compute when something is due next, from five cron fields in a time zone or from `@every 30m`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_EVERY = re.compile(r"@every\s+((?:\d{1,6}[smh])+)", re.IGNORECASE)
_PART = re.compile(r"(\d+)([smh])", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_FIELDS = 5
MINIMUM_SECONDS = 1
MAXIMUM_SECONDS = 10 * 366 * 86_400


class InvalidCron(ValueError):
    """The text is not a cron expression; the message says what it should be."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Recurring times. `every` is the distance of `@every`; without it `text` are five cron fields read in `zone`."""

    text: str
    zone: ZoneInfo
    every: timedelta | None = None

    def after(self, time: datetime, anchor: datetime) -> datetime:
        """The first time after `time`, in UTC. `@every` counts from `anchor`.

        Where clocks are put forward, a time of day that is skipped comes right after the gap; where they are put back, it comes once.
        """
        if self.every is not None:
            passed = max(0, (time - anchor) // self.every)
            return anchor + (passed + 1) * self.every
        following = next(CronSim(self.text, time.astimezone(self.zone)), None)
        if following is None:
            raise InvalidCron(f"{self.text!r} never comes.")
        return following.astimezone(UTC)


def parse(text: str, zone: str | None = None) -> Cron:
    """A cron text and the name of a time zone (UTC by default). Raises InvalidCron."""
    name = zone or "UTC"
    try:
        time_zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidCron(f"{name!r} is not a time zone; give a name such as Europe/Paris.") from None
    words = " ".join(text.split())
    if words.startswith("@"):
        return Cron(words, time_zone, _interval(words))
    if len(words.split(" ")) != _FIELDS:
        raise InvalidCron(f"{text!r} is not a cron expression: give minute, hour, day, month and weekday (0 9 * * 1), or @every 30m.")
    cron = Cron(words, time_zone)
    try:
        cron.after(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise InvalidCron(f"{text!r} is not a cron expression ({error}).") from None
    return cron


def _interval(words: str) -> timedelta:
    match = _EVERY.fullmatch(words)
    if match is None:
        raise InvalidCron(f"{words!r} is not understood: write @every and a time such as 30m, 1h or 1h30m.")
    seconds = sum(int(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(match[1]))
    if seconds < MINIMUM_SECONDS:
        raise InvalidCron(f"{words!r} is too often: one second is the least.")
    if seconds > MAXIMUM_SECONDS:
        raise InvalidCron(f"{words!r} is too seldom: at most ten years may lie between.")
    return timedelta(seconds=seconds)
