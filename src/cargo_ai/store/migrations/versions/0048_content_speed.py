"""Chunks are read without unpacking them, and the index takes them in batches."""

from __future__ import annotations

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

# The score of a chunk asks its words several times: each would unpack them again.
CHANGE = """
alter table content_chunks set (toast_tuple_target = 8160);
alter index ix_content_chunks_terms set (fastupdate = on);
"""


def upgrade() -> None:
    """Change how they are stored."""
    op.execute(CHANGE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
