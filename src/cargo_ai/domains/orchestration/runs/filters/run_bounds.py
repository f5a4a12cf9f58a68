"""Run bounds: between which ids the runs in question are, so that neither other months nor other batches are looked at for them."""

from __future__ import annotations

import uuid
from datetime import timedelta

from cargo_ai.kernel import clock, ids

SKEW_MS = 60_000
"""How far the clock in an id may be from the time beside it."""
_AHEAD = timedelta(days=1)
"""How far the clock of the host that has created a run may be ahead of this one's."""


def ceiling() -> uuid.UUID:
    """No run is as young as this. The same all month, so that statements stay the same; PostgreSQL need not plan for the partitions of
    later months, of which there are always some."""
    day = clock.now() + _AHEAD
    begin = (day.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)
    # Exactly where the partition of the month begins.
    return uuid.UUID(int=int(begin.timestamp() * 1000) << 80)


def first_of_batch(batch: uuid.UUID) -> uuid.UUID:
    """No run of the batch is older than this: a batch is there before its runs."""
    return ids.first_at(max(0, (batch.int >> 80) - SKEW_MS) / 1000)


LAST_OF_BATCH = (
    f"coalesce((lpad(to_hex(b.finished_ms + {SKEW_MS}), 12, '0') || repeat('f', 20))::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')"
)
"""SQL of a batch `b`: none of its runs is younger than this. They are all there when it ends."""
