"""Orchestration: workflows, tools and releases."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

ID = sa.Uuid(as_uuid=True)
TIME = sa.DateTime(timezone=True)
JSON = postgresql.JSON(none_as_null=True)


def _stamps() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("uuid", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
    )


def _workflows() -> None:
    op.create_table(
        "workflows",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tool_uuid", ID),
        sa.Column("play_uuid", ID),
        sa.Column("deleted_at", TIME),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_workflows"),
        sa.UniqueConstraint("tool_uuid", name="uq_workflows_tool_uuid"),
        sa.UniqueConstraint("play_uuid", name="uq_workflows_play_uuid"),
    )
    op.create_index("ix_workflows_workspace_uuid", "workflows", ["workspace_uuid"])
    op.create_index("uq_workflows_hidden", "workflows", ["workspace_uuid"], unique=True, postgresql_where=sa.text("kind = 'hidden'"))


def _tools() -> None:
    op.create_table(
        "tools",
        sa.Column("workflow_uuid", ID, nullable=False),
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("icon", JSON, nullable=False),
        sa.Column("folder_uuid", ID),
        sa.Column("credits_cost", JSON, nullable=False),
        sa.Column("triggers", JSON, nullable=False),
        sa.Column("public_form", JSON),
        sa.Column("sealed_captcha_secret", sa.LargeBinary()),
        sa.Column("is_read_only", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", TIME),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_tools"),
        sa.ForeignKeyConstraint(["workflow_uuid"], ["workflows.uuid"], name="fk_tools_workflow_uuid_workflows"),
        sa.UniqueConstraint("workflow_uuid", name="uq_tools_workflow_uuid"),
    )
    op.create_index("ix_tools_workspace_uuid", "tools", ["workspace_uuid"])


def _releases() -> None:
    op.create_table(
        "releases",
        sa.Column("workflow_uuid", ID, nullable=False),
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("parent_uuid", ID),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("template_slug", sa.Text()),
        sa.Column("nodes", JSON, nullable=False),
        sa.Column("form_fields", JSON),
        sa.Column("test_records", JSON, nullable=False),
        sa.Column("deployed_at", TIME),
        sa.Column("deleted_at", TIME),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_releases"),
        sa.ForeignKeyConstraint(["workflow_uuid"], ["workflows.uuid"], name="fk_releases_workflow_uuid_workflows"),
    )
    op.create_index("ix_releases_workspace_uuid", "releases", ["workspace_uuid"])
    op.create_index("ix_releases_workflow", "releases", ["workflow_uuid", "uuid"])
    op.create_index("uq_releases_draft", "releases", ["workflow_uuid"], unique=True, postgresql_where=sa.text("status = 'draft'"))
    op.create_index("uq_releases_deployed", "releases", ["workflow_uuid"], unique=True, postgresql_where=sa.text("status = 'deployed'"))
    op.create_index("uq_releases_version", "releases", ["workflow_uuid", "version"], unique=True)


def upgrade() -> None:
    """Make the tables of workflows, tools and releases."""
    _workflows()
    _tools()
    _releases()


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
