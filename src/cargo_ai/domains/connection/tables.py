"""Tables of connection: connectors, their datasets, custom integrations, and cached responses."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, Index, LargeBinary, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Connector(Stamped, Owned, Row):
    """An account of an integration."""

    __tablename__ = "connectors"
    __table_args__ = (
        Index("uq_connectors_slug", "workspace_uuid", "slug", unique=True, postgresql_where=text("deleted_at IS NULL")),
        Index(
            "uq_connectors_default",
            "workspace_uuid",
            "integration_slug",
            unique=True,
            postgresql_where=text("is_default AND deleted_at IS NULL"),
        ),
    )

    user_uuid: Mapped[uuid.UUID]
    name: Mapped[str]
    slug: Mapped[str]
    integration_slug: Mapped[str]
    sealed_config: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed JSON; gone once the connector is removed forever."""
    is_default: Mapped[bool]
    rate_limit: Mapped[dict[str, Any] | None]
    cache_ttl_milliseconds: Mapped[int | None]
    use_credits: Mapped[bool]
    stopped_at: Mapped[datetime | None]
    """Since when its runs wait because people have stopped it."""
    disconnected_at: Mapped[datetime | None]
    """Since when its runs wait because people have to consent again."""
    disconnected_because: Mapped[str | None]
    deleted_at: Mapped[datetime | None]


class CustomIntegration(Stamped, Owned, Row):
    """A service that a workspace has registered: a server that speaks the protocol, or operations of an OpenAPI document.

    manifest: what it announced, made self-contained. version counts its changes. document_url, operations: of an OpenAPI document.
    """

    __tablename__ = "custom_integrations"
    __table_args__ = (
        Index("uq_custom_integrations_slug", "workspace_uuid", "slug", unique=True, postgresql_where=text("deleted_at IS NULL")),
    )

    user_uuid: Mapped[uuid.UUID]
    slug: Mapped[str]
    source: Mapped[str]
    """`protocol` or `openapi`."""
    base_url: Mapped[str]
    document_url: Mapped[str | None]
    operations: Mapped[list[Any] | None]
    sealed_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What signs requests."""
    manifest: Mapped[Any] = mapped_column(Json)
    version: Mapped[int]
    fetched_at: Mapped[datetime]
    checked_at: Mapped[datetime]
    problem: Mapped[str | None]
    """Why what was announced last could not be taken over: the manifest before still holds."""
    deleted_at: Mapped[datetime | None]


class ConnectorGrant(Stamped, Owned, Row):
    """The tokens that a person's consent gave: of a connector, or for one that is yet to be made with its handle.

    version counts the refreshes. lease: which process refreshes, until when.
    """

    __tablename__ = "connector_grants"

    user_uuid: Mapped[uuid.UUID]
    integration_slug: Mapped[str]
    connector_uuid: Mapped[uuid.UUID | None] = mapped_column(unique=True)
    handle_hash: Mapped[str | None] = mapped_column(unique=True)
    sealed_tokens: Mapped[bytes] = mapped_column(LargeBinary)
    refresh_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    version: Mapped[int]
    lease_holder: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]


class OAuthConsent(Stamped, Owned, Row):
    """A consent under way: what comes back with its state, once and in time, speaks for this user and integration."""

    __tablename__ = "oauth_consents"

    user_uuid: Mapped[uuid.UUID]
    integration_slug: Mapped[str]
    connector_uuid: Mapped[uuid.UUID | None]
    state_hash: Mapped[str] = mapped_column(unique=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The PKCE verifier, the redirect URL and the app."""
    expires_at: Mapped[datetime]


class Dataset(Stamped, Owned, Row):
    """A schema of the warehouse: the workspace's own (`native`), or that of a connector."""

    __tablename__ = "datasets"
    __table_args__ = (Index("uq_datasets_slug", "workspace_uuid", "slug", unique=True, postgresql_where=text("deleted_at IS NULL")),)

    name: Mapped[str]
    slug: Mapped[str]
    kind: Mapped[str]
    connector_uuid: Mapped[uuid.UUID | None] = mapped_column(index=True)
    deleted_at: Mapped[datetime | None]


action_cache = Table(
    "action_cache",
    Row.metadata,
    Column("workspace_uuid", Uuid(as_uuid=True), primary_key=True),
    Column("connector_uuid", Uuid(as_uuid=True), primary_key=True),
    Column("action_slug", Text, primary_key=True),
    Column("config_hash", LargeBinary, primary_key=True),
    Column("output", JSON(none_as_null=False), nullable=False),
    Column("title", Text, nullable=False),
    Column("child", SmallInteger),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_action_cache_age", "connector_uuid", "at"),
)
"""Answers of connectors that have a cache: the same action with the same config (its SHA-256) within the time gets them again."""
