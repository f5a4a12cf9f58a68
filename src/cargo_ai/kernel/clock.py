"""The clock: the only module that reads the time, so that a test can stop it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251


def seconds() -> float:
    """Monotonic seconds: for durations and deadlines, never for dates."""
    return time.monotonic()


def worked_seconds() -> float:
    """Seconds for which this thread has had a processor, whatever else the machine does."""
    return time.thread_time()


def unix_seconds() -> float:
    """Seconds since 1970 as a float."""
    return time.time()  # noqa: TID251


def now_ms() -> int:
    """Milliseconds since 1970, the format in which the journal stores times."""
    return int(time.time() * 1000)  # noqa: TID251


def to_iso(timestamp: datetime) -> str:
    """ISO-8601 in UTC with milliseconds and `Z`, the format of the API."""
    timestamp = timestamp.astimezone(UTC)
    # `%Y` writes the year 1 as `1`.
    return f"{timestamp.year:04d}-{timestamp:%m-%dT%H:%M:%S}.{timestamp.microsecond // 1000:03d}Z"
