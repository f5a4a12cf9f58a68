"""Attempts and logs: what the journal keeps of an execution's failed attempts, and what the code of its node printed."""

from __future__ import annotations

from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, which rewrites no table."""
    op.execute("alter table executions add column attempts json")
    op.execute("alter table executions add column log text")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
