"""Tables of observability: alerts, and the events of their evaluations."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Alert(Stamped, Owned, Row):
    """A condition with its schedule. `watched_from`: where the window of its next evaluation begins."""

    __tablename__ = "alerts"

    user_uuid: Mapped[uuid.UUID]
    name: Mapped[str]
    description: Mapped[str | None]
    is_enabled: Mapped[bool]
    schedule: Mapped[dict[str, Any]] = mapped_column(Json)
    scope: Mapped[dict[str, Any]] = mapped_column(Json)
    threshold: Mapped[dict[str, Any]] = mapped_column(Json)
    actions: Mapped[list[Any]] = mapped_column(Json)
    folder_uuid: Mapped[uuid.UUID | None]
    watched_from: Mapped[datetime]
    last_evaluated_at: Mapped[datetime | None]


class AlertEvent(Stamped, Owned, Row):
    """One evaluation of an alert, with its condition and actions as they were then."""

    __tablename__ = "alert_events"
    __table_args__ = (Index("ix_alert_events_alert", "alert_uuid", "uuid"),)

    alert_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("alerts.uuid", ondelete="CASCADE"))
    status: Mapped[str]
    value: Mapped[float | None]
    error_message: Mapped[str | None]
    scope: Mapped[dict[str, Any]] = mapped_column(Json)
    threshold: Mapped[dict[str, Any]] = mapped_column(Json)
    actions: Mapped[list[Any]] = mapped_column(Json)
    run_uuids: Mapped[list[Any]] = mapped_column(Json)
    window_started_at: Mapped[datetime]
    window_ended_at: Mapped[datetime]
