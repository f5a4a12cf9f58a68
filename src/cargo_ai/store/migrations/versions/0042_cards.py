"""Cards: since when a workspace's card is charged, so that older events do not bring back the card before."""

from __future__ import annotations

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

CHANGE = """
alter table subscriptions add column payment_method_at timestamptz;
alter table credit_topups drop column payment;
"""


def upgrade() -> None:
    """Add the column, and drop one that says nothing."""
    op.execute(CHANGE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
