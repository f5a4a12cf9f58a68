"""The tables of segmentation: saved segments, and what comparisons of them have found. Their members and the records of changes, which are
many, are plain tables (`segment_members`, `segment_change_records`) that only `comparison` and `change_rows` speak of."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Segment(Stamped, Owned, Row):
    """A saved filter on a model, with an order and a limit. Which records are in it is asked anew each time.

    `snapshot` is what its last comparison was made of (`comparison.Snapshot`), at `synced_at`; `is_watched`: every write leads to another.
    """

    __tablename__ = "segments"
    __table_args__ = (Index("ix_segments_model", "model_uuid", "uuid"),)

    user_uuid: Mapped[uuid.UUID]
    model_uuid: Mapped[uuid.UUID]
    slug: Mapped[str]
    name: Mapped[str]
    filter: Mapped[dict[str, Any]] = mapped_column(Json)
    sort: Mapped[list[Any] | None] = mapped_column(Json)
    limit: Mapped[int | None]
    tracking_column_slugs: Mapped[list[Any] | None] = mapped_column(Json)
    column_slugs: Mapped[list[Any] | None] = mapped_column(Json)
    from_play: Mapped[bool] = mapped_column(default=False)
    is_watched: Mapped[bool] = mapped_column(default=False)
    synced_at: Mapped[datetime | None]
    snapshot: Mapped[dict[str, Any] | None] = mapped_column(Json)
    deleted_at: Mapped[datetime | None]


class SegmentChange(Stamped, Owned, Row):
    """What one comparison of a segment with its former state has found. `no` counts the changes of a segment from 1; `since`: what that
    state had seen, as a snapshot of the database."""

    __tablename__ = "segment_changes"
    __table_args__ = (Index("uq_segment_changes_no", "segment_uuid", "no", unique=True),)

    segment_uuid: Mapped[uuid.UUID]
    no: Mapped[int]
    added_count: Mapped[int]
    updated_count: Mapped[int]
    removed_count: Mapped[int]
    total_count: Mapped[int]
    since: Mapped[str | None]
