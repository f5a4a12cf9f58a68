"""Connection: connectors, datasets, remembered answers and rate limits."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

ID = sa.Uuid(as_uuid=True)
TIME = sa.DateTime(timezone=True)
JSON = postgresql.JSON(none_as_null=True)
JSONB = postgresql.JSONB(none_as_null=True)


def _stamps() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("uuid", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
    )


def _connectors() -> None:
    op.create_table(
        "connectors",
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("integration_slug", sa.Text(), nullable=False),
        sa.Column("sealed_config", sa.LargeBinary()),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("rate_limit", JSONB),
        sa.Column("cache_ttl_milliseconds", sa.BigInteger()),
        sa.Column("use_credits", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", TIME),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_connectors"),
    )
    op.create_index("ix_connectors_workspace_uuid", "connectors", ["workspace_uuid"])
    op.create_index(
        "uq_connectors_slug", "connectors", ["workspace_uuid", "slug"], unique=True, postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.create_index(
        "uq_connectors_default",
        "connectors",
        ["workspace_uuid", "integration_slug"],
        unique=True,
        postgresql_where=sa.text("is_default AND deleted_at IS NULL"),
    )


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("connector_uuid", ID),
        sa.Column("deleted_at", TIME),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_datasets"),
    )
    op.create_index("ix_datasets_workspace_uuid", "datasets", ["workspace_uuid"])
    op.create_index("ix_datasets_connector_uuid", "datasets", ["connector_uuid"])
    op.create_index("uq_datasets_slug", "datasets", ["workspace_uuid", "slug"], unique=True, postgresql_where=sa.text("deleted_at IS NULL"))


def _action_cache() -> None:
    op.create_table(
        "action_cache",
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("connector_uuid", ID, nullable=False),
        sa.Column("action_slug", sa.Text(), nullable=False),
        sa.Column("config_hash", sa.LargeBinary(), nullable=False),
        sa.Column("output", JSON, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("child", sa.SmallInteger()),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_uuid", "connector_uuid", "action_slug", "config_hash", name="pk_action_cache"),
    )
    op.create_index("ix_action_cache_age", "action_cache", ["connector_uuid", "at"])


def _rate_buckets() -> None:
    op.create_table(
        "rate_buckets",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tat", sa.Double[float](), nullable=False),
        sa.Column("marks", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_rate_buckets"),
    )


def _first_datasets() -> None:
    """Workspaces that are older than this room get the dataset that newer ones are born with."""
    op.execute(
        "INSERT INTO datasets (uuid, created_at, updated_at, workspace_uuid, name, slug, kind) "
        "SELECT gen_random_uuid(), now(), now(), uuid, 'Default', 'default', 'native' FROM workspaces"
    )


def upgrade() -> None:
    """Make the tables."""
    _connectors()
    _datasets()
    _action_cache()
    _rate_buckets()
    _first_datasets()


def downgrade() -> None:
    """Not offered."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
