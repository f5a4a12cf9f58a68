"""Changes of segments: what each segment had when it was last looked at, what differed since, and who is to be told when records change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# `segment_members`: the records of a segment as of its last comparison, each with the hash of its tracked columns. `kind` of a change's
# record: a, u or r. `segment_watches`: the models whose records decide about a watched segment. `segment_work`: what is to be compared;
# a row that `settles` stays until every transaction that did not see its segment watched has ended (`horizon`).
TABLES = """
create table segment_members (
    segment_uuid uuid not null, record_id text not null, h bigint not null, primary key (segment_uuid, record_id)
);
create table segment_change_records (
    segment_uuid uuid not null, no bigint not null, record_id text not null, kind "char" not null,
    primary key (segment_uuid, no, record_id)
);
create table segment_watches (
    model_uuid uuid not null, segment_uuid uuid not null, workspace_uuid uuid not null, pause_ms int not null default 100,
    primary key (model_uuid, segment_uuid)
);
create index segment_watches_of_segment on segment_watches (segment_uuid);
create table segment_work (
    id bigint generated always as identity primary key, segment_uuid uuid not null, workspace_uuid uuid not null,
    due timestamptz not null default clock_timestamp(), settles boolean not null default false, horizon xid8,
    tries int not null default 0
);
create index segment_work_due on segment_work (due);
create index segment_work_of_segment on segment_work (segment_uuid);
"""
# In the transaction of the write itself, so that no write is without its work; only where somebody watches.
TRIGGER = """
create function public.cargo_segments_touched() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
    insert into public.segment_work (segment_uuid, workspace_uuid, due)
    select w.segment_uuid, w.workspace_uuid, clock_timestamp() + w.pause_ms * interval '1 millisecond' from public.segment_watches as w
    where w.model_uuid = (new.payload ->> 'modelUuid')::uuid;
    if found then
        perform pg_notify('cargo_segments', '');
    end if;
    return null;
end
$$;
create trigger segments_touched after insert on events for each row when (new.kind in ('RecordsChanged', 'ModelChanged'))
    execute function public.cargo_segments_touched();
"""
# What was touched since a moment is asked for by transaction.
LOGS = """
do $$
declare
    one record;
begin
    for one in select schema_name, log_name from models where deleted_at is null loop
        execute format('create index on %I.%I (xid)', one.schema_name, one.log_name);
    end loop;
end
$$;
"""


def _changes() -> None:
    op.add_column("segments", sa.Column("is_watched", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("segments", "is_watched", server_default=None)
    op.add_column("segments", sa.Column("synced_at", sa.DateTime(timezone=True)))
    op.add_column("segments", sa.Column("snapshot", JSON(none_as_null=True)))
    counts = [sa.Column(f"{name}_count", sa.BigInteger(), nullable=False) for name in ("added", "updated", "removed", "total")]
    op.create_table(
        "segment_changes",
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("workspace_uuid", sa.Uuid(), nullable=False),
        sa.Column("segment_uuid", sa.Uuid(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        *counts,
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_segment_changes"),
    )
    op.create_index("ix_segment_changes_workspace_uuid", "segment_changes", ["workspace_uuid"])
    op.create_index("uq_segment_changes_no", "segment_changes", ["segment_uuid", "no"], unique=True)


def upgrade() -> None:
    """Create the tables, and tell watched segments of every write."""
    _changes()
    for script in (TABLES, TRIGGER, LOGS):
        op.execute(script)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
