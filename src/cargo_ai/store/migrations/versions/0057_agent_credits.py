"""The credits that an agent's tokens cost in a day, what answers have reserved of them, and how many it may use."""

from __future__ import annotations

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

CREATE = """
alter table agents add column max_credits_per_day numeric(20, 6);
alter table agent_usage add column credits numeric(20, 6) not null default 0;
alter table agent_reservations add column credits numeric(20, 6) not null default 0;
alter table agent_usage alter column credits drop default;
alter table agent_reservations alter column credits drop default;
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
