"""What was in a large segment when a play began to watch it is found in the background: a segment says since when changes count."""

from __future__ import annotations

from alembic import op

revision = "0080"
down_revision = "0078"
branch_labels = None
depends_on = None

TABLES = """
alter table segments add column baseline text, add column baseline_at timestamptz;
create index ix_segments_baseline on segments (workspace_uuid) where baseline is not null;
"""


def upgrade() -> None:
    """Add the columns, which rewrites no row, and the index: O(segments)."""
    op.get_bind().exec_driver_sql(TABLES)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
