"""References: what led to records that a merge removed, and leads to their survivors since. And tables that are written faster."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Who reads a log asks for transactions, never for a row's number, and writing that cost as much as the row. Pages that are not quite full
# keep records that change where they are.
TABLES = """
do $$
declare
    one record;
begin
    for one in select schema_name, table_name, log_name from models where deleted_at is null loop
        execute format('alter table %I.%I drop column if exists seq', one.schema_name, one.log_name);
        execute format('alter table %I.%I set (fillfactor = 95)', one.schema_name, one.table_name);
    end loop;
end
$$;
"""


def upgrade() -> None:
    """Make the table, count in merges, and change the tables of models and their logs."""
    op.execute(TABLES)
    op.add_column("record_merges", sa.Column("repointed_count", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("record_merges", "repointed_count", server_default=None)
    op.create_table(
        "merged_references",
        sa.Column("merge_uuid", sa.Uuid(), nullable=False),
        sa.Column("model_uuid", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("column_slug", sa.Text(), nullable=False),
        sa.Column("property_slug", sa.Text(), nullable=False),
        sa.Column("before", JSONB(none_as_null=True), nullable=False),
        sa.Column("after", JSONB(none_as_null=True), nullable=False),
        sa.Column("record_updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_uuid", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("merge_uuid", "model_uuid", "record_id", "column_slug", "property_slug", name="pk_merged_references"),
        sa.ForeignKeyConstraint(
            ["merge_uuid"], ["record_merges.uuid"], name="fk_merged_references_merge_uuid_record_merges", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_merged_references_workspace_uuid", "merged_references", ["workspace_uuid"])


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
