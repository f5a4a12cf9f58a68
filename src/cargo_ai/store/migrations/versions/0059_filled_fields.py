"""Filled fields: what a language model gave for a field of a node, so that it is not asked again after a death."""

from __future__ import annotations

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

CREATE = """
create table filled_fields (
    workspace_uuid uuid not null,
    digest text not null,
    value json not null,
    given_at timestamptz not null,
    constraint pk_filled_fields primary key (workspace_uuid, digest)
);
create index ix_filled_fields_given_at on filled_fields (given_at);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(CREATE)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
