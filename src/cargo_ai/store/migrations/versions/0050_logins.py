"""Codes by e-mail, and devices that wait for a person to sign in."""

from __future__ import annotations

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

CREATE = """
create table login_codes (
    uuid uuid not null constraint pk_login_codes primary key,
    email text not null,
    hash text not null,
    sealed_code bytea,
    tries bigint not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index ix_login_codes_email on login_codes (email, uuid);
create index ix_login_codes_created_at on login_codes (created_at);
create table device_logins (
    uuid uuid not null constraint pk_device_logins primary key,
    device_hash text not null constraint uq_device_logins_device_hash unique,
    user_code text not null constraint uq_device_logins_user_code unique,
    state_hash text constraint uq_device_logins_state_hash unique,
    browser_hash text,
    sealed_verifier bytea,
    email text,
    problem text,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index ix_device_logins_created_at on device_logins (created_at);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
