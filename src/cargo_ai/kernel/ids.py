"""Ids: UUIDv7, so that later rows sort later and tables can be partitioned by month."""

from __future__ import annotations

import secrets
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def new() -> uuid.UUID:
    """A fresh UUIDv7 (RFC 9562): 48 bits of milliseconds, then a part that only grows within this process."""
    global _last
    with _lock:
        # 12 bits below the millisecond come from the nanosecond clock; equal or older ticks count on by one.
        nanos = time.time_ns()
        tick = (nanos // 1_000_000) << 12 | (nanos % 1_000_000) * 4096 // 1_000_000
        _last = tick if tick > _last else _last + 1
        tick = _last
    value = (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=value)


def opaque() -> uuid.UUID:
    """A fresh random UUIDv4: unlike others, it does not say when it was made."""
    return uuid.UUID(int=(secrets.randbits(128) & ~(0xF << 76) & ~(0b11 << 62)) | 0x4 << 76 | 0b10 << 62)


def first_at(unix_seconds: float) -> uuid.UUID:
    """The smallest UUIDv7 of that time: a bound for ranges."""
    return uuid.UUID(int=max(0, int(unix_seconds * 1000)) << 80 | 0x7 << 76 | 0b10 << 62)


def parse(text: str) -> uuid.UUID | None:
    """The uuid in a text; None for a text that is not one."""
    try:
        return uuid.UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
