"""Drop the table of events, its cursors and its triggers: what follows from a write is written by the write itself.

The triggers acted when a row was inserted, so every row that is there has been acted on.
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

DROP = """
drop table events;
drop table event_cursors;
drop function public.cargo_segments_touched();
drop function public.cargo_plays_changed();
"""


def upgrade() -> None:
    """Drop them; the triggers go with their table."""
    op.execute(DROP)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
