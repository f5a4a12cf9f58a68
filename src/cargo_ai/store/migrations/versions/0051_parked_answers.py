"""Answers that wait for others, and chats below answers."""

from __future__ import annotations

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and their indexes."""
    op.execute("""
alter table messages add column awaits uuid[];
create index ix_messages_parked on messages (uuid) where awaits is not null;
alter table chats add column parent_message_uuid uuid;
create index ix_chats_parent on chats (parent_message_uuid) where parent_message_uuid is not null;
create index ix_chats_trace on chats (trace_uuid) where parent_message_uuid is not null;
""")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
