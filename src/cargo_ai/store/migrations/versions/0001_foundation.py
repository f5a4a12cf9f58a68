"""The foundation: outbox, references, idempotency keys, audit log, installation; workspaces, users, roles, tokens, folders."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

ID = sa.Uuid(as_uuid=True)
TIME = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB(none_as_null=True)


def _stamps() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("uuid", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
    )


def _owner() -> sa.Column[Any]:
    return sa.Column("workspace_uuid", ID, nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{columns[0]}", table, list(columns))


def _shared() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("at", TIME, nullable=False),
        _owner(),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    _index("events", "workspace_uuid")
    op.create_table(
        "event_cursors",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", name="pk_event_cursors"),
    )
    op.create_table(
        "references",
        sa.Column("from_kind", sa.Text(), nullable=False),
        sa.Column("from_uuid", ID, nullable=False),
        sa.Column("to_kind", sa.Text(), nullable=False),
        sa.Column("to_uuid", ID, nullable=False),
        _owner(),
        sa.PrimaryKeyConstraint("from_kind", "from_uuid", "to_kind", "to_uuid", name="pk_references"),
    )
    _index("references", "workspace_uuid")
    op.create_index("ix_references_to", "references", ["to_kind", "to_uuid"])
    op.create_table(
        "idempotency_keys",
        sa.Column("token_uuid", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("reply", sa.LargeBinary()),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("token_uuid", "key", name="pk_idempotency_keys"),
    )
    _index("idempotency_keys", "at")
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("token_uuid", ID, nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("target_uuid", ID),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        _owner(),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    _index("audit_log", "workspace_uuid")
    op.create_table(
        "installation",
        sa.Column("id", ID, nullable=False),
        sa.Column("sealed_probe", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )


def _people() -> None:
    op.create_table(
        "workspaces",
        *_stamps(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("details", JSONB),
        sa.Column("default_role_uuid", ID),
        sa.PrimaryKeyConstraint("uuid", name="pk_workspaces"),
    )
    op.create_table(
        "users",
        *_stamps(),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text()),
        sa.Column("last_name", sa.Text()),
        sa.Column("web_extension_sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("uuid", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_table(
        "roles",
        *_stamps(),
        _owner(),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("permissions", JSONB, nullable=False),
        sa.Column("is_preset", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_roles"),
        sa.UniqueConstraint("workspace_uuid", "slug", name="uq_roles_workspace_uuid"),
    )
    _index("roles", "workspace_uuid")
    op.create_table(
        "workspace_users",
        _owner(),
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("role_uuid", ID, nullable=False),
        sa.Column("permissions", JSONB, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_uuid", "user_uuid", name="pk_workspace_users"),
        sa.ForeignKeyConstraint(["user_uuid"], ["users.uuid"], name="fk_workspace_users_user_uuid_users"),
        sa.ForeignKeyConstraint(["role_uuid"], ["roles.uuid"], name="fk_workspace_users_role_uuid_roles"),
    )
    _index("workspace_users", "user_uuid")
    _index("workspace_users", "role_uuid")
    op.create_table(
        "tokens",
        *_stamps(),
        _owner(),
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("last_four", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("permissions", JSONB),
        sa.Column("last_used_at", TIME),
        sa.Column("deleted_at", TIME),
        sa.PrimaryKeyConstraint("uuid", name="pk_tokens"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
        sa.ForeignKeyConstraint(["user_uuid"], ["users.uuid"], name="fk_tokens_user_uuid_users"),
    )
    _index("tokens", "workspace_uuid")
    _index("tokens", "user_uuid")


def _folders() -> None:
    op.create_table(
        "folders",
        *_stamps(),
        _owner(),
        sa.Column("parent_uuid", ID),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("emoji_slug", sa.Text(), nullable=False),
        sa.Column("position", sa.Float()),
        sa.Column("deleted_at", TIME),
        sa.PrimaryKeyConstraint("uuid", name="pk_folders"),
        sa.ForeignKeyConstraint(["parent_uuid"], ["folders.uuid"], name="fk_folders_parent_uuid_folders"),
    )
    _index("folders", "workspace_uuid")
    _index("folders", "parent_uuid")
    op.create_index(
        "uq_folders_name",
        "folders",
        ["workspace_uuid", "kind", "parent_uuid", "name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def upgrade() -> None:
    """Create everything."""
    _shared()
    _people()
    _folders()


def downgrade() -> None:
    """Never."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
