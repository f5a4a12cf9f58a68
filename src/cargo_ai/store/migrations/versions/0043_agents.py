"""Agents, their releases, chats and messages."""

from __future__ import annotations

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

CREATE = """
create table agents (
    uuid uuid not null constraint pk_agents primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    user_uuid uuid,
    name text not null,
    icon json not null,
    description text,
    triggers json not null,
    folder_uuid uuid,
    template json,
    deleted_at timestamptz
);
create index ix_agents_workspace_uuid on agents (workspace_uuid);
create table agent_releases (
    uuid uuid not null constraint pk_agent_releases primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    agent_uuid uuid not null constraint fk_agent_releases_agent_uuid_agents references agents (uuid),
    user_uuid uuid not null,
    parent_uuid uuid,
    status text not null,
    version text,
    description text,
    template_slug text,
    parts json not null,
    deployed_at timestamptz
);
create index ix_agent_releases_workspace_uuid on agent_releases (workspace_uuid);
create index ix_agent_releases_agent on agent_releases (agent_uuid, uuid);
create unique index uq_agent_releases_draft on agent_releases (agent_uuid) where status = 'draft';
create unique index uq_agent_releases_deployed on agent_releases (agent_uuid) where status = 'deployed';
create unique index uq_agent_releases_version on agent_releases (agent_uuid, version);
create table chats (
    uuid uuid not null constraint pk_chats primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    user_uuid uuid,
    agent_uuid uuid,
    release_uuid uuid,
    name text,
    trigger json not null,
    trace_uuid uuid not null,
    last_message_uuid uuid,
    deleted_at timestamptz
);
create index ix_chats_workspace_uuid on chats (workspace_uuid);
create index ix_chats_agent on chats (workspace_uuid, agent_uuid, uuid);
create table messages (
    uuid uuid not null constraint pk_messages primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    chat_uuid uuid not null constraint fk_messages_chat_uuid_chats references chats (uuid),
    user_uuid uuid,
    agent_uuid uuid,
    release_uuid uuid,
    type text not null,
    status text not null,
    parts json not null,
    given json not null,
    steps json not null,
    usage json,
    error_message text,
    execution_key text,
    owner uuid,
    leased_until timestamptz,
    finished_at timestamptz,
    deleted_at timestamptz
);
create index ix_messages_workspace_uuid on messages (workspace_uuid);
create index ix_messages_chat on messages (chat_uuid, uuid);
create unique index uq_messages_execution_key on messages (execution_key);
create index ix_messages_unfinished on messages (leased_until) where status in ('pending', 'generating', 'cancelling');
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
