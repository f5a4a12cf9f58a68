"""The clock: the one place that reads time, so that a test can hold it still."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251


def seconds() -> float:
    """Monotonic seconds: for durations and deadlines, never for dates."""
    return time.monotonic()


def unix_seconds() -> float:
    """Seconds since 1970 as a float."""
    return time.time()  # noqa: TID251


def now_ms() -> int:
    """Milliseconds since 1970: how the journal keeps times."""
    return int(time.time() * 1000)  # noqa: TID251


def to_iso(moment: datetime) -> str:
    """ISO-8601 in UTC with milliseconds and `Z`, as the wire wants it."""
    moment = moment.astimezone(UTC)
    # `%Y` writes the year 1 as `1`.
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
