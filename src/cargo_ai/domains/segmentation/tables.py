"""The table of segmentation: saved segments."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Segment(Stamped, Owned, Row):
    """A saved filter on a model, with an order and a limit. Which records are in it is asked anew each time."""

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
    deleted_at: Mapped[datetime | None]
