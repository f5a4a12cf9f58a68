"""Tables of segmentation: saved segments, their members, their changes, and what watched segments depend on."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Integer, String, Table, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped, Xid8


class Segment(Stamped, Owned, Row):
    """A saved filter on a model, with an order and a limit. Which records are in it is queried each time.

    `snapshot`: what its last comparison was computed from (`comparison_sql.Snapshot`), at `synced_at`; `is_watched`: it is compared after
    every write; `baseline`: the database's snapshot (`pg_snapshot`) of `baseline_at`, since which changes count, while what was in the
    segment then is still to be found.
    """

    __tablename__ = "segments"
    __table_args__ = (
        Index("ix_segments_model", "model_uuid", "uuid"),
        Index("ix_segments_baseline", "workspace_uuid", postgresql_where=text("baseline is not null")),
    )

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
    baseline: Mapped[str | None] = mapped_column(Text)
    baseline_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class SegmentChange(Stamped, Owned, Row):
    """A change of a segment that a comparison has found, or is to find. `no` counts the changes of a segment from 1; `since`: the
    database's snapshot (`pg_snapshot`) at the comparison before; `status`: pending and running until its comparison, which a job makes, has
    ended; `tries`: how often a worker has begun it; `records_done` of `records_total`: how many records that job has read and
    stored."""

    __tablename__ = "segment_changes"
    __table_args__ = (
        Index("uq_segment_changes_no", "segment_uuid", "no", unique=True),
        Index("uq_segment_changes_unfinished", "segment_uuid", unique=True, postgresql_where=text("status in ('pending', 'running')")),
    )

    segment_uuid: Mapped[uuid.UUID]
    no: Mapped[int]
    added_count: Mapped[int]
    updated_count: Mapped[int]
    removed_count: Mapped[int]
    total_count: Mapped[int]
    since: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="success", server_default="success")
    error_message: Mapped[str | None]
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    records_done: Mapped[int | None]
    records_total: Mapped[int | None]


segment_members = Table(
    "segment_members",
    Row.metadata,
    Column("segment_uuid", Uuid, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("h", BigInteger, nullable=False),
)
"""Which records were in a segment at its last comparison. `h`: the hash of what is compared of them."""

segment_change_records = Table(
    "segment_change_records",
    Row.metadata,
    Column("segment_uuid", Uuid, primary_key=True),
    Column("no", BigInteger, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("kind", String, nullable=False),
    Column("own", Boolean, nullable=False, server_default=text("false")),
)
"""The records of a change. `kind`, one byte: a (added), u (updated), r (removed); `own`: only runs of the segment's own play wrote it."""

segment_watches = Table(
    "segment_watches",
    Row.metadata,
    Column("model_uuid", Uuid, primary_key=True),
    Column("segment_uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("pause_ms", Integer, nullable=False, server_default=text("100")),
    Index("segment_watches_of_segment", "segment_uuid"),
)
"""A write to this model leads to a comparison of this segment, `pause_ms` milliseconds later."""

segment_work = Table(
    "segment_work",
    Row.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("segment_uuid", Uuid, nullable=False),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("due", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column("settles", Boolean, nullable=False, server_default=text("false")),
    Column("horizon", Xid8),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Index("segment_work_due", "due"),
    Index("segment_work_of_segment", "segment_uuid"),
)
"""Comparisons that are due. `settles`: it is done when all transactions that were under way when it was seen first have ended, those below
`horizon`."""
