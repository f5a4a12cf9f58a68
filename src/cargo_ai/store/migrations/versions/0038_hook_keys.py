"""Hooks: by what events are known that have come, so that a repetition starts nothing."""

from __future__ import annotations

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

CREATE = """
create table hook_keys (
    workspace_uuid uuid not null,
    connector_uuid uuid not null,
    digest bytea not null,
    at timestamptz not null,
    constraint pk_hook_keys primary key (connector_uuid, digest)
);
create index ix_hook_keys_at on hook_keys (at);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
