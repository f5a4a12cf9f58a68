"""The bin: removed things that can be restored."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

CREATE = """
create table bin_items (
    uuid uuid not null constraint pk_bin_items primary key,
    workspace_uuid uuid not null,
    kind text not null,
    name text not null,
    slug text,
    records_count bigint,
    user_uuid uuid not null,
    token_uuid uuid not null,
    removed_at timestamptz not null,
    is_due boolean not null,
    uses json not null,
    kept json not null
);
create index ix_bin_items_workspace_uuid on bin_items (workspace_uuid, removed_at);
create index ix_bin_items_removed_at on bin_items (removed_at);
"""


def upgrade() -> None:
    """Create the table. What was removed before has been dropped."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
