"""Writes of change sets without a foreign key: checking it cost as much as the row, for every run that writes."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop it. Who removes change sets removes their writes."""
    op.execute("alter table change_set_writes drop constraint fk_change_set_writes_change_set_uuid_change_sets")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
