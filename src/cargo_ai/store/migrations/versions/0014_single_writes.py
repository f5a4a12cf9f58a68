"""Reports of what became of each row of a file that was read in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. The verdicts themselves are files."""
    op.create_table(
        "ingest_reports",
        sa.Column("model_uuid", sa.Uuid(), nullable=False),
        sa.Column("file_key", sa.Text(), nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_uuid", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_ingest_reports"),
    )
    op.create_index("ix_ingest_reports_workspace_uuid", "ingest_reports", ["workspace_uuid"])
    op.create_index("ix_ingest_reports_created_at", "ingest_reports", ["created_at"])


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
