"""Fills of computed columns are storage runs too, with their progress; a model has at most one whose columns are not complete."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

STATEMENTS = """
alter table storage_runs
    add column kind text not null default 'refresh',
    add column column_slugs jsonb,
    add column records_done bigint,
    add column records_total bigint,
    add column after_id text,
    add column pass_number bigint not null default 0,
    add column is_incomplete boolean not null default false;
alter table storage_runs alter column kind drop default, alter column pass_number drop default, alter column is_incomplete drop default;
drop index uq_storage_runs_live;
create unique index uq_storage_runs_live on storage_runs (model_uuid, kind) where finished_at is null;
create unique index uq_storage_runs_incomplete on storage_runs (model_uuid) where is_incomplete;
"""


def upgrade() -> None:
    """Add the columns; what is there are refreshes."""
    op.execute(STATEMENTS)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
