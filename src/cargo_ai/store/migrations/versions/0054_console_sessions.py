"""Sessions of browsers in the console."""

from __future__ import annotations

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

CREATE = """
create table console_sessions (
    uuid uuid not null constraint pk_console_sessions primary key,
    workspace_uuid uuid not null,
    token_uuid uuid not null constraint fk_console_sessions_token_uuid_tokens references tokens on delete cascade,
    hash text not null constraint uq_console_sessions_hash unique,
    own_token boolean not null,
    expires_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index ix_console_sessions_workspace_uuid on console_sessions (workspace_uuid);
create index ix_console_sessions_token_uuid on console_sessions (token_uuid);
create index ix_console_sessions_expires_at on console_sessions (expires_at);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
