"""Reviews by people, what workflows remember, and what nodes have done once already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ID = sa.Uuid(as_uuid=True)
TIME = sa.DateTime(timezone=True)
JSON = postgresql.JSON(none_as_null=True)


def upgrade() -> None:
    """Create the three tables."""
    _reviews()
    op.create_table(
        "memories",
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", JSON),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_uuid", "scope", "owner", "key", name="pk_memories"),
    )
    op.create_table(
        "node_outcomes",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("output", JSON, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_node_outcomes"),
    )
    op.create_index("ix_node_outcomes_workspace_uuid", "node_outcomes", ["workspace_uuid"])
    op.create_index("ix_node_outcomes_at", "node_outcomes", ["at"])


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("uuid", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("workflow_uuid", ID),
        sa.Column("batch_uuid", ID),
        sa.Column("run_uuid", ID, nullable=False),
        sa.Column("node_uuid", sa.Text(), nullable=False),
        sa.Column("node_slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("instructions", sa.Text()),
        sa.Column("fields", JSON, nullable=False),
        sa.Column("assignees", JSON, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("timeout_outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("values", JSON),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("decided_by_uuid", ID),
        sa.Column("decided_by_email", sa.Text()),
        sa.Column("decided_via", sa.Text()),
        sa.Column("decided_at", TIME),
        sa.Column("timed_out", sa.Boolean(), nullable=False),
        sa.Column("told", JSON, nullable=False),
        sa.Column("tell_attempts", sa.BigInteger(), nullable=False),
        sa.Column("tell_problem", sa.Text()),
        sa.PrimaryKeyConstraint("uuid", name="pk_reviews"),
        sa.UniqueConstraint("key", name="uq_reviews_key"),
    )
    op.create_index("ix_reviews_workspace_uuid", "reviews", ["workspace_uuid"])
    op.create_index("ix_reviews_run", "reviews", ["run_uuid"])
    op.create_index("ix_reviews_workflow", "reviews", ["workflow_uuid", "uuid"])
    op.create_index("ix_reviews_pending", "reviews", ["workspace_uuid", "uuid"], postgresql_where=sa.text("status = 'pending'"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
