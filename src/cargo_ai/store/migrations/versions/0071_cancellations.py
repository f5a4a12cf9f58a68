"""Cancelling many runs goes on in the background: what is left of it is a row."""

from __future__ import annotations

from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

TABLE = """
create table cancellations (
    uuid uuid primary key, workspace_uuid uuid not null, workflow_uuid uuid not null, filters json not null, before uuid not null,
    after uuid not null, cancelled bigint not null, total bigint, created_ms bigint not null
);
create index cancellations_of_workspace on cancellations (workspace_uuid);
"""


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(TABLE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
