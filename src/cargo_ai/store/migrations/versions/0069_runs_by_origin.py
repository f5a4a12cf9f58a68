"""Runs by origin: a small index finds the few runs of a release or a user among millions."""

from __future__ import annotations

from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

# Half a byte for each run: it says of 32 pages at a time which releases and users may be in them. Neither ever changes, so that no update
# of a run touches it.
INDEX = """
create index runs_by_origin on runs using brin (
    release_uuid uuid_bloom_ops (n_distinct_per_range = 32), user_uuid uuid_bloom_ops (n_distinct_per_range = 32)
) with (autosummarize = on, pages_per_range = 32)
"""


def upgrade() -> None:
    """Build the index."""
    op.execute(INDEX)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
