"""Tables of native nodes: reviews, memories, and outcomes that a repeated attempt reuses."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.kernel import clock
from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Review(Stamped, Owned, Row):
    """One question to people. `key`: the idempotency key of the node that asks; the same node never asks twice.

    `status` is pending, approved, rejected or expired (no decision in time, and the node fails). A pending review whose run is over is
    cancelled: reads show that at once, and the row follows within the hour. `fields`: what is shown, `values`: what was decided on.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        Index("ix_reviews_run", "run_uuid"),
        Index("ix_reviews_workflow", "workflow_uuid", "uuid"),
        Index("ix_reviews_pending", "workspace_uuid", "uuid", postgresql_where=text("status = 'pending'")),
    )

    key: Mapped[str] = mapped_column(unique=True)
    workflow_uuid: Mapped[uuid.UUID | None]
    batch_uuid: Mapped[uuid.UUID | None]
    run_uuid: Mapped[uuid.UUID]
    node_uuid: Mapped[str]
    node_slug: Mapped[str]
    title: Mapped[str]
    instructions: Mapped[str | None]
    fields: Mapped[list[Any]] = mapped_column(Json)
    assignees: Mapped[list[Any]] = mapped_column(Json)
    expires_at: Mapped[datetime | None]
    timeout_outcome: Mapped[str]
    status: Mapped[str]
    values: Mapped[dict[str, Any] | None] = mapped_column(Json)
    edited: Mapped[bool] = mapped_column(default=False)
    comment: Mapped[str | None]
    decided_by_uuid: Mapped[uuid.UUID | None]
    decided_by_email: Mapped[str | None]
    decided_via: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    timed_out: Mapped[bool] = mapped_column(default=False)
    notified: Mapped[list[Any]] = mapped_column("told", Json, default=list)
    """The assignees who were notified: their e-mail was accepted."""
    notify_attempts: Mapped[int] = mapped_column("tell_attempts", default=0)
    notify_problem: Mapped[str | None] = mapped_column("tell_problem")


class Memory(Owned, Row):
    """One value that workflows remember. `scope`: workspace, workflow or record; `owner`: which one of them."""

    __tablename__ = "memories"

    workspace_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(Json, nullable=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class NodeOutcome(Owned, Row):
    """What a node has done, by its idempotency key: a repeated attempt takes this outcome instead of doing it again."""

    __tablename__ = "node_outcomes"

    key: Mapped[str] = mapped_column(primary_key=True)
    output: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
