"""Tables of the system-of-record domain: the queries of users, and a workspace's settings for them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped


class SqlLog(Stamped, Owned, Row):
    """One query of a user."""

    __tablename__ = "sql_logs"
    __table_args__ = (Index("ix_sql_logs_workspace_uuid", "workspace_uuid", "created_at"),)

    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    user_uuid: Mapped[uuid.UUID | None]
    query: Mapped[str]
    status: Mapped[str]
    error_message: Mapped[str | None]
    processed_bytes_count: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]


class SystemOfRecord(Stamped, Owned, Row):
    """What a workspace has set for its system of record; there is a row once something was set."""

    __tablename__ = "systems_of_record"

    config: Mapped[dict[str, Any]] = mapped_column(Json)
