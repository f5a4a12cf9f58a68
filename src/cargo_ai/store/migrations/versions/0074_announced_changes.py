"""Large segments are compared and large change sets undone in the background: a change has a status, and a storage run a change set."""

from __future__ import annotations

from alembic import op

revision = "0074"
down_revision = "0072"
branch_labels = None
depends_on = None

TABLES = """
alter table segment_changes
    add column status text not null default 'success', add column error_message text, add column tries bigint not null default 0;
create unique index uq_segment_changes_unfinished on segment_changes (segment_uuid) where status in ('pending', 'running');
alter table storage_runs add column change_set_uuid uuid;
"""


def upgrade() -> None:
    """Add the columns, which rewrites no row, and the index: O(changes)."""
    op.get_bind().exec_driver_sql(TABLES)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
