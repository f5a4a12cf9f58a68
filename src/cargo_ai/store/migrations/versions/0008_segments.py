"""Segments: saved filters on models, and the index by which records find their runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "segments",
        sa.Column("uuid", sa.Uuid(), primary_key=True),
        sa.Column("workspace_uuid", sa.Uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("model_uuid", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filter", JSON(none_as_null=True), nullable=False),
        sa.Column("sort", JSON(none_as_null=True)),
        sa.Column("limit", sa.BigInteger()),
        sa.Column("tracking_column_slugs", JSON(none_as_null=True)),
        sa.Column("column_slugs", JSON(none_as_null=True)),
        sa.Column("from_play", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_segments_workspace_uuid", "segments", ["workspace_uuid"])
    op.create_index("ix_segments_model", "segments", ["model_uuid", "uuid"])
    # Conditions on workflows ask for the runs of one record.
    op.execute("create index runs_of_record on runs (workflow_uuid, record_id)")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
