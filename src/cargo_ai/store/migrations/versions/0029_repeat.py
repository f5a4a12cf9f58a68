"""REPEAT of a column by a constant is refused only for the rows whose text becomes too long."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# The complaint depends on the text, not on the number: the planner computes a call of constants before any row is read.
REPEAT = """
CREATE OR REPLACE FUNCTION bq.repeat(x text, times bigint) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN coalesce(length(x), 0) * coalesce(times, 0) <= 100000 OR bq.complain('REPEAT gives at most 100,000 characters here.', x)
    THEN repeat(x, greatest(times, 0)::integer) END
"""


def upgrade() -> None:
    """Replace the function."""
    op.execute(REPEAT)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
