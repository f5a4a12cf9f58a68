"""Fills go on where they are when columns are added: each column has its own way round the records."""

from __future__ import annotations

from alembic import op

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the laps; a fill without any began with the first record for all of its columns."""
    op.execute("alter table storage_runs add column laps jsonb")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
