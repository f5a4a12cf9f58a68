"""The audit log: from where, what changed, and what was refused."""

from __future__ import annotations

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

ALTER = """
alter table audit_log
    add column address text,
    add column status bigint not null default 200,
    add column reason text,
    add column changes json;
alter table audit_log alter column status drop default;
drop index ix_audit_log_workspace_uuid;
create index ix_audit_log_workspace_uuid on audit_log (workspace_uuid, id);
"""


def upgrade() -> None:
    """Add the columns, and an index for pages of one workspace."""
    op.execute(ALTER)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
