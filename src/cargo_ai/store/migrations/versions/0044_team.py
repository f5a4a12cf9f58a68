"""Reports of users and sessions of coding agents."""

from __future__ import annotations

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

CREATE = """
create table reports (
    uuid uuid not null constraint pk_reports primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    user_uuid uuid not null,
    title text not null,
    description text not null
);
create index ix_reports_workspace_uuid on reports (workspace_uuid);
create table agent_sessions (
    uuid uuid not null constraint pk_agent_sessions primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    user_uuid uuid not null,
    session_id text not null,
    title text not null,
    summary text not null,
    finished_at timestamptz,
    constraint uq_agent_sessions_workspace_uuid unique (workspace_uuid, session_id)
);
create index ix_agent_sessions_workspace_uuid on agent_sessions (workspace_uuid);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
