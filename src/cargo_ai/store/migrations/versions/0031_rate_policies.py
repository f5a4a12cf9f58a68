"""Buckets of rate policies: how long those who wait were sent away, what the service says itself, and when a bucket was last used."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The buckets of before keep what they count."""
    op.execute("""
        alter table rate_buckets
            add column tail double precision not null default 0,
            add column closed double precision not null default 0,
            add column most integer,
            add column touched_at timestamptz not null default now()
    """)
    op.execute("update rate_buckets set key = key || '|own' where key not like '%|%'")


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
