"""Retry-After: how long a service asks to wait, as seconds, a date or an epoch, in any of the usual headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cargo_ai.kernel import clock

LONGEST_WAIT = 3600.0
SHORTEST_WAIT = 1.0
RETRY_AFTER = ("retry-after",)

_NUMBER = re.compile(r"\d{1,13}(\.\d{1,9})?")
# Numbers from here on count from 1970: in seconds, and in milliseconds.
_EPOCH = 1e9
_EPOCH_MILLISECONDS = 1e12


def wait_of(headers: Mapping[str, str], names: Iterable[str] = RETRY_AFTER) -> float | None:
    """The seconds that the first of these headers asks to wait, from 1 to 3,600; None when none of them does."""
    for name in names:
        seconds = _seconds(headers.get(name, "").strip())
        if seconds is not None:
            return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)
    return None


def _seconds(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number < _EPOCH:
            return number
        return (number / 1000 if number >= _EPOCH_MILLISECONDS else number) - clock.unix_seconds()
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text)
            # A service that names no time zone means UTC.
            return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp() - clock.unix_seconds()
        except (ValueError, TypeError, OverflowError):
            continue
    return None
