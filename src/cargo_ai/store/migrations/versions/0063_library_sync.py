"""Libraries that a service fills: which job is at it, why it failed, and which version of each file was read."""

from __future__ import annotations

from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

CHANGE = """
alter table content_libraries add column lease uuid, add column leased_until timestamptz, add column error_message text;
alter table content_files add column external_version text;
create unique index uq_content_files_external on content_files (library_uuid, external_id) where external_id is not null;
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(CHANGE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
