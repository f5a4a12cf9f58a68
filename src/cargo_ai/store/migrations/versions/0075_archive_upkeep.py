"""Archive upkeep: the archive counts as stored files and may be removed; rows of the default partition get the partition of their month."""

from __future__ import annotations

from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

TABLES = """
alter table retention_rules add column archive_days int;
alter table bodies_dropped add column writing text;
alter table archived_files add column removed_ms bigint;
create index archived_files_removed on archived_files (key) where removed_ms is not null;
create table archived_outputs (
    workspace_uuid uuid not null, month text not null, output_file text not null, primary key (workspace_uuid, month, output_file)
);
create index archived_outputs_of_file on archived_outputs (output_file);
create table forgotten_records (
    workspace_uuid uuid not null, digest bytea not null, forgotten_ms bigint not null, cleared_ms bigint,
    primary key (workspace_uuid, digest)
);
create table forgotten_runs (workspace_uuid uuid not null, run_uuid uuid not null, primary key (workspace_uuid, run_uuid));
insert into quota_changes (workspace_uuid, kind, subject, amount)
select workspace_uuid, 'storedBytes', 'archive', sum(bytes) from archived_files group by 1 having sum(bytes) > 0;
"""
# Rows name what was archived of them until their runs are removed.
OUTPUTS = """
do $$
declare
    part text;
begin
    for part in
        select distinct month from archived_files where not are_runs_removed and to_regclass('executions_' || month) is not null
    loop
        execute format('insert into archived_outputs select distinct workspace_uuid, %L, output_file from %I
            where is_dropped and output_file is not null', part, 'executions_' || part);
    end loop;
end $$;
"""
# Without moving them, rows that a clock ahead of time has written into the default partition would keep their month from ever getting
# its partition. They go through the parent table, whose columns are in the order in which it gives them.
PARTITIONS = """
create function cargo_month_partition(begins timestamptz) returns int language plpgsql as $$
-- A UUIDv7 begins with 48 bits of milliseconds, so a month of ids is a range.
declare
    suffix constant text := to_char(begins at time zone 'utc', 'YYYY_MM');
    after constant timestamptz := (begins at time zone 'utc' + interval '1 month') at time zone 'utc';
    low constant uuid := (lpad(to_hex((extract(epoch from begins) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;
    high constant uuid := (lpad(to_hex((extract(epoch from after) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;
    part record; is_there boolean;
begin
    if to_regclass('runs_' || suffix) is not null then
        return 0;
    end if;
    for part in
        select * from (values ('runs', 'runs', 'uuid', ' with (fillfactor = 50)'), ('execution_rows', 'executions', 'run_uuid', ''),
            ('packed_executions', 'packed_executions', 'run_uuid', ''), ('packed_bodies', 'packed_bodies', 'uuid', ''))
            as p (parent, name, key, options)
    loop
        execute format('select exists (select from %I where %I >= %L and %I < %L)', part.name || '_other', part.key, low, part.key, high)
            into is_there;
        if is_there then
            execute format('create temp table moved_rows on commit drop as select * from %I limit 0', part.parent);
            execute format('with gone as (delete from %I where %I >= %L and %I < %L returning *) insert into moved_rows select * from gone',
                part.parent, part.key, low, part.key, high);
        end if;
        execute format('create table %I partition of %I for values from (%L) to (%L)' || part.options,
            part.name || '_' || suffix, part.parent, low, high);
        if is_there then
            execute format('insert into %I select * from moved_rows', part.parent);
            drop table moved_rows;
        end if;
    end loop;
    return 1;
end $$;
create or replace function cargo_month_partitions(months_ahead int) returns int language plpgsql as $$
declare
    this_month constant timestamp := date_trunc('month', now() at time zone 'utc'); made int := 0;
begin
    for i in -1..months_ahead loop
        made := made + cargo_month_partition((this_month + make_interval(months => i)) at time zone 'utc');
    end loop;
    return made;
end $$;
create function cargo_past_partition(before timestamptz) returns int language plpgsql as $$
-- The oldest month that has rows in the default partition and was over by then gets its partition; 0: there is none.
declare
    oldest uuid; begins timestamp;
begin
    select uuid into oldest from runs_other order by uuid limit 1;
    if oldest is null then
        return 0;
    end if;
    begins := date_trunc('month', to_timestamp(('x' || substr(replace(oldest::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)
        at time zone 'utc');
    if (begins + interval '1 month') at time zone 'utc' > before then
        return 0;
    end if;
    return cargo_month_partition(begins at time zone 'utc');
end $$;
"""


def upgrade() -> None:
    """Add columns and a table, count what is archived, and replace the function that makes partitions. No row of the journal is touched."""
    for script in (TABLES, OUTPUTS, PARTITIONS):
        # The driver reads % as a placeholder in scripts without parameters, too.
        op.get_bind().exec_driver_sql(script.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
