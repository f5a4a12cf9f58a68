"""Unfinished comparisons of segments, for the queue."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.segmentation.changes.comparison_job import UNFINISHED
from cargo_ai.domains.segmentation.tables import Segment, SegmentChange


@dataclass(frozen=True, slots=True)
class UnfinishedComparison:
    """A segment that a worker has to compare. `change`: what was asked for; None where changes are to be reported from `since` on, for a
    play that may own the segment (`from_play`)."""

    segment: uuid.UUID
    model: uuid.UUID
    name: str
    from_play: bool
    since: datetime
    change: uuid.UUID | None = None
    done: int | None = None
    total: int | None = None


async def unfinished(db: AsyncSession, most: int) -> list[UnfinishedComparison]:
    """The comparisons that workers have to make in the session's workspace, at most `most` of each kind."""
    read = select(Segment).where(Segment.baseline.is_not(None)).order_by(Segment.baseline_at).limit(most)
    asked = select(SegmentChange, Segment).join(Segment, Segment.uuid == SegmentChange.segment_uuid)
    asked = asked.where(SegmentChange.status.in_(UNFINISHED)).order_by(SegmentChange.uuid).limit(most)
    found = [_of(row, row.baseline_at or row.updated_at, None) for row in await db.scalars(read)]
    return found + [_of(row, change.created_at, change) for change, row in await db.execute(asked)]


def _of(row: Segment, since: datetime, change: SegmentChange | None) -> UnfinishedComparison:
    far = (None, None, None) if change is None else (change.uuid, change.records_done, change.records_total)
    return UnfinishedComparison(row.uuid, row.model_uuid, row.name, row.from_play, since, *far)


async def still_read(db: AsyncSession, segments: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these segments whose records are still to be read before changes are reported."""
    return set(await db.scalars(select(Segment.uuid).where(Segment.uuid.in_(segments), Segment.baseline.is_not(None))))
