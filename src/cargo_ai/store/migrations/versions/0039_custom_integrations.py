"""Custom integrations: services that a workspace has registered itself."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

CREATE = """
create table custom_integrations (
    uuid uuid not null constraint pk_custom_integrations primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    user_uuid uuid not null,
    slug text not null,
    source text not null,
    base_url text not null,
    document_url text,
    operations jsonb,
    sealed_secret bytea,
    manifest json not null,
    version bigint not null,
    fetched_at timestamptz not null,
    checked_at timestamptz not null,
    problem text,
    deleted_at timestamptz
);
create index ix_custom_integrations_workspace_uuid on custom_integrations (workspace_uuid);
create unique index uq_custom_integrations_slug on custom_integrations (workspace_uuid, slug) where deleted_at is null;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
