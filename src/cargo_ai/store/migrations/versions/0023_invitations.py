"""Invitations: links by which a member gets a token, once. Tokens can expire."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

CREATE = """
create table invitations (
    uuid uuid not null constraint pk_invitations primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    user_uuid uuid not null constraint fk_invitations_user_uuid_users references users (uuid),
    created_by_uuid uuid not null,
    hash text not null constraint uq_invitations_hash unique,
    expires_at timestamptz not null,
    accepted_at timestamptz,
    revoked_at timestamptz,
    sealed_code bytea,
    email_status text not null,
    email_problem text,
    email_attempts bigint not null
);
create index ix_invitations_workspace_uuid on invitations (workspace_uuid);
create index ix_invitations_user_uuid on invitations (user_uuid);
create unique index uq_invitations_open on invitations (workspace_uuid, user_uuid) where accepted_at is null and revoked_at is null;
alter table tokens add column expires_at timestamptz;
"""


def upgrade() -> None:
    """Create the table, and the column."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
