"""Documents of agents and users."""

from __future__ import annotations

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

CREATE = """
create table documents (
    version_uuid uuid not null constraint pk_documents primary key,
    workspace_uuid uuid not null,
    document_uuid uuid not null,
    user_uuid uuid not null,
    kind text not null,
    title text,
    content text not null,
    created_at timestamptz not null
);
create index ix_documents_workspace_uuid on documents (workspace_uuid);
create index ix_documents_versions on documents (document_uuid, created_at);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
