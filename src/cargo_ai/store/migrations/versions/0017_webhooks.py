"""Webhooks: who is told when a batch has ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ID = sa.Uuid(as_uuid=True)
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """The webhooks of batches, and which job a batch calls for at its end."""
    op.execute("alter table batches add column at_end text")
    op.create_table(
        "webhooks",
        sa.Column("batch_uuid", ID, nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("delivered_at", TIME),
        sa.Column("given_up_at", TIME),
        sa.Column("error_message", sa.Text()),
        sa.Column("uuid", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_webhooks"),
        sa.UniqueConstraint("batch_uuid", name="uq_webhooks_batch_uuid"),
    )
    op.create_index("ix_webhooks_workspace_uuid", "webhooks", ["workspace_uuid"])


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
