"""Graphs that nothing refers to any more can be removed: each says when it was stored last."""

from __future__ import annotations

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

# Those that are there count as stored now. The default stays: a worker of the version before may go on for a moment.
ADD = "alter table graphs add column stored_ms bigint not null default (extract(epoch from now()) * 1000)::bigint"


def upgrade() -> None:
    """Add the column."""
    op.execute(ADD)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
