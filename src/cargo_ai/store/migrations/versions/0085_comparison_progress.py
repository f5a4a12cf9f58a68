"""Comparisons of segments in the background show how many records they have read."""

from __future__ import annotations

from alembic import op

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add how many records were read, of how many; none of those before say it."""
    op.execute("alter table segment_changes add column records_done bigint, add column records_total bigint")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
