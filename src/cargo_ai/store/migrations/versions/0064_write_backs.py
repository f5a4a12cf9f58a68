"""Write-backs: what plays wrote to the service that their model comes from, until a sync brings it."""

from __future__ import annotations

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

WRITE_BACKS = """
create table write_backs (
    connector_uuid uuid not null, record_id text not null, object_type text not null, workflow_uuid uuid not null,
    workspace_uuid uuid not null, values jsonb not null, at bigint not null,
    primary key (connector_uuid, record_id, object_type, workflow_uuid)
);
create index write_backs_at on write_backs (at);
"""


def upgrade() -> None:
    """Add the table."""
    op.get_bind().exec_driver_sql(WRITE_BACKS)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
