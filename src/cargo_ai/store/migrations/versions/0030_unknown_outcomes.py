"""Unknown outcomes: why an execution failed, for programs, and which effects a shard has begun that must not be repeated."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two columns; neither rewrites a table."""
    op.execute("alter table executions add column reason text")
    op.execute("alter table shards add column begun jsonb")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
