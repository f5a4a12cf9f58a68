"""OAuth: tokens of connectors with a lease for their refresh, consents under way, and connectors that are disconnected."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

CREATE = """
alter table connectors add column disconnected_at timestamptz, add column disconnected_because text;
create table connector_grants (
    uuid uuid not null constraint pk_connector_grants primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    user_uuid uuid not null,
    integration_slug text not null,
    connector_uuid uuid constraint uq_connector_grants_connector_uuid unique,
    handle_hash text constraint uq_connector_grants_handle_hash unique,
    sealed_tokens bytea not null,
    refresh_at timestamptz not null,
    expires_at timestamptz not null,
    version bigint not null,
    lease_holder uuid,
    lease_until timestamptz
);
create index ix_connector_grants_workspace_uuid on connector_grants (workspace_uuid);
create table oauth_consents (
    uuid uuid not null constraint pk_oauth_consents primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    workspace_uuid uuid not null,
    user_uuid uuid not null,
    integration_slug text not null,
    connector_uuid uuid,
    state_hash text not null constraint uq_oauth_consents_state_hash unique,
    sealed bytea not null,
    expires_at timestamptz not null
);
create index ix_oauth_consents_workspace_uuid on oauth_consents (workspace_uuid);
"""


def upgrade() -> None:
    """Create the tables, and the columns."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
