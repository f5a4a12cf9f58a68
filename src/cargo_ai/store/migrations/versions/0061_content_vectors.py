"""Vectors of the pieces of files, and the embedder that a workspace has them from."""

from __future__ import annotations

from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

# Vectors are long and do not compress: apart from the signs, which every search reads, and as they are.
CREATE = """
create table content_embedders (
    workspace_uuid uuid not null constraint pk_content_embedders primary key,
    generation uuid not null,
    connector_uuid uuid not null,
    integration_slug text not null,
    model text not null,
    dimensions bigint not null,
    lease uuid,
    leased_until timestamptz,
    error_message text,
    tries bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create table content_vectors (
    chunk_id bigint not null constraint pk_content_vectors primary key
        constraint fk_content_vectors_chunk_id_content_chunks references content_chunks (id) on delete cascade,
    workspace_uuid uuid not null,
    file_uuid uuid not null,
    generation uuid not null,
    signs bit varying not null,
    exact real[] not null
);
alter table content_vectors alter column exact set storage external;
create index ix_content_vectors_workspace_uuid on content_vectors (workspace_uuid);
create index ix_content_vectors_file_uuid on content_vectors (file_uuid);
alter table content_files add column vectors_of uuid;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
