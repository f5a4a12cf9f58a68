"""MCP servers."""

from __future__ import annotations

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

CREATE = """
create table mcp_servers (
    uuid uuid not null constraint pk_mcp_servers primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    user_uuid uuid not null,
    name text not null,
    description text,
    actions json not null,
    resources json not null,
    capabilities json not null,
    folder_uuid uuid,
    deleted_at timestamptz
);
create index ix_mcp_servers_workspace_uuid on mcp_servers (workspace_uuid);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
