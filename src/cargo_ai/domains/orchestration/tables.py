"""Tables of workflows, tools, plays, releases and webhooks. Runs and batches are in the tables of the engine."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Workflow(Stamped, Owned, Row):
    """A versioned graph. `kind`: tool, play, or hidden (the one of a workspace that its ad-hoc runs belong to)."""

    __tablename__ = "workflows"
    __table_args__ = (Index("uq_workflows_hidden", "workspace_uuid", unique=True, postgresql_where=text("kind = 'hidden'")),)

    kind: Mapped[str]
    tool_uuid: Mapped[uuid.UUID | None] = mapped_column(unique=True)
    play_uuid: Mapped[uuid.UUID | None] = mapped_column(unique=True)
    deleted_at: Mapped[datetime | None]


class Tool(Stamped, Owned, Row):
    """A workflow that runs on demand. The captcha secret of its public form is stored sealed, outside the form."""

    __tablename__ = "tools"

    workflow_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("workflows.uuid"), unique=True)
    user_uuid: Mapped[uuid.UUID]
    name: Mapped[str]
    description: Mapped[str | None]
    icon: Mapped[dict[str, Any]] = mapped_column(Json)
    folder_uuid: Mapped[uuid.UUID | None]
    credits_cost: Mapped[dict[str, Any]] = mapped_column(Json)
    triggers: Mapped[list[Any]] = mapped_column(Json)
    public_form: Mapped[dict[str, Any] | None] = mapped_column(Json)
    sealed_captcha_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    is_read_only: Mapped[bool] = mapped_column(default=False)
    deleted_at: Mapped[datetime | None]


class Play(Stamped, Owned, Row):
    """A workflow that runs on the records of a segment of its own. `schedule` is what the user gave; null: by hand only."""

    __tablename__ = "plays"

    workflow_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("workflows.uuid"), unique=True)
    user_uuid: Mapped[uuid.UUID]
    model_uuid: Mapped[uuid.UUID]
    segment_uuid: Mapped[uuid.UUID] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str | None]
    change_kinds: Mapped[list[Any]]
    run_creation_rule: Mapped[str]
    schedule: Mapped[dict[str, Any] | None] = mapped_column(Json)
    is_enabled: Mapped[bool] = mapped_column(default=False)
    health_threshold: Mapped[float] = mapped_column(default=1.0)
    health_alert_actions: Mapped[list[Any]] = mapped_column(Json)
    folder_uuid: Mapped[uuid.UUID | None]
    deleted_at: Mapped[datetime | None]


class Release(Stamped, Owned, Row):
    """A version of a workflow's graph. A workflow has one draft and at most one deployed release; the others are archived and frozen."""

    __tablename__ = "releases"
    __table_args__ = (
        Index("ix_releases_workflow", "workflow_uuid", "uuid"),
        Index("uq_releases_draft", "workflow_uuid", unique=True, postgresql_where=text("status = 'draft'")),
        Index("uq_releases_deployed", "workflow_uuid", unique=True, postgresql_where=text("status = 'deployed'")),
        Index("uq_releases_version", "workflow_uuid", "version", unique=True),
    )

    workflow_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("workflows.uuid"))
    user_uuid: Mapped[uuid.UUID]
    parent_uuid: Mapped[uuid.UUID | None]
    status: Mapped[str]
    version: Mapped[str | None]
    description: Mapped[str | None]
    template_slug: Mapped[str | None]
    nodes: Mapped[list[Any]] = mapped_column(Json)
    form_fields: Mapped[list[Any] | None] = mapped_column(Json)
    test_records: Mapped[list[Any]] = mapped_column(Json)
    deployed_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class Webhook(Stamped, Owned, Row):
    """The URL that a finished batch is sent to. `sealed`: URL and secret, erased after the last attempt; `due_at`: the earliest time of the
    next attempt."""

    __tablename__ = "webhooks"

    batch_uuid: Mapped[uuid.UUID] = mapped_column(unique=True)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    error_message: Mapped[str | None]


hook_keys = Table(
    "hook_keys",
    Row.metadata,
    Column("workspace_uuid", Uuid(as_uuid=True), nullable=False),
    Column("connector_uuid", Uuid(as_uuid=True), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_hook_keys_at", "at"),
)
"""By what events of hooks are known that have come: SHA-256 of ids and contents, kept for 30 days."""


logins = Table(
    "logins", Row.metadata, Column("role", Text, primary_key=True), Column("workspace_uuid", Uuid, nullable=False), schema="journal"
)
"""The workspace whose rows the views in the schema `journal` show to a role that runs users' SQL."""


cancellations = Table(
    "cancellations",
    Row.metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("workflow_uuid", Uuid, nullable=False),
    Column("filters", Json, nullable=False),
    Column("before", Uuid, nullable=False),
    Column("after", Uuid, nullable=False),
    Column("cancelled", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Index("cancellations_of_workspace", "workspace_uuid"),
)
"""Runs that are being cancelled by a job: those of the filters that are older than `before` and come after `after`. `total`: how many
there are, when it was counted. The row goes with the last of them."""
