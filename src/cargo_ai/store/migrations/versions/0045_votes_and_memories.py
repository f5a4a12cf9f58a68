"""Votes about answers, memories of agents, evaluations and suggestions of answers, heartbeats of chats."""

from __future__ import annotations

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

CREATE = """
create table votes (
    message_uuid uuid not null constraint fk_votes_message_uuid_messages references messages (uuid),
    user_uuid uuid not null,
    workspace_uuid uuid not null,
    chat_uuid uuid not null,
    is_upvoted boolean not null,
    updated_at timestamptz not null,
    constraint pk_votes primary key (message_uuid, user_uuid)
);
create index ix_votes_workspace_uuid on votes (workspace_uuid);
create index ix_votes_chat on votes (chat_uuid, message_uuid);
create table agent_memories (
    uuid uuid not null constraint pk_agent_memories primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    scope text not null,
    owner uuid not null,
    content text not null
);
create index ix_agent_memories_workspace_uuid on agent_memories (workspace_uuid);
create index ix_agent_memories_owner on agent_memories (workspace_uuid, scope, owner, updated_at);
alter table messages add column afterwards_at timestamptz, add column evaluation json, add column suggested_actions json;
create index ix_messages_afterwards on messages (afterwards_at) where afterwards_at is not null;
alter table chats add column heartbeat_at timestamptz, add column heartbeats_count integer not null default 0;
alter table chats alter column heartbeats_count drop default;
create index ix_chats_heartbeat on chats (heartbeat_at) where heartbeat_at is not null;
"""


def upgrade() -> None:
    """Create and extend the tables."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
