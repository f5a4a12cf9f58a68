"""Tokens that agents use by day, and how many they may."""

from __future__ import annotations

from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

CREATE = """
alter table agents add column max_tokens_per_day bigint;
create table agent_usage (
    agent_uuid uuid not null,
    day date not null,
    slot bigint not null,
    workspace_uuid uuid not null,
    tokens bigint not null,
    constraint pk_agent_usage primary key (agent_uuid, day, slot)
);
create index ix_agent_usage_workspace_uuid on agent_usage (workspace_uuid);
create table agent_reservations (
    message_uuid uuid not null constraint pk_agent_reservations primary key,
    agent_uuid uuid not null,
    workspace_uuid uuid not null,
    tokens bigint not null
);
create index ix_agent_reservations_workspace_uuid on agent_reservations (workspace_uuid);
create index ix_agent_reservations_agent_uuid on agent_reservations (agent_uuid);
"""


def upgrade() -> None:
    """Add the column and the tables."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
