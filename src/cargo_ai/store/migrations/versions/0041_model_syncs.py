"""Models that are filled from connectors: where each sync goes on, and which records it has read."""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    alter table storage_runs
        add column epoch bigint not null default 0,
        add column step text not null default 'reading',
        add column failures bigint not null default 0,
        add column waiting_for text
    """,
    """
    create table model_sources (
        model_uuid uuid not null, workspace_uuid uuid not null, cursor json, bookkeeping json not null, columns json not null,
        constraint pk_model_sources primary key (model_uuid),
        constraint fk_model_sources_model_uuid_models foreign key (model_uuid) references models (uuid)
    )
    """,
    "create index ix_model_sources_workspace_uuid on model_sources (workspace_uuid)",
    """
    create table synced_ids (
        run_uuid uuid not null, workspace_uuid uuid not null, record_id text not null,
        constraint pk_synced_ids primary key (run_uuid, record_id)
    )
    """,
)


def upgrade() -> None:
    """Add the columns and the tables."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
