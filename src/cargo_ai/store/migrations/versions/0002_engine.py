"""Engine: the queue's schema and the journal, partitioned by month from the first row."""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JOURNAL = """
create table graphs (uuid uuid primary key, workspace_uuid uuid not null, nodes json not null);

create table batches (
    uuid uuid primary key, workspace_uuid uuid not null, workflow_uuid uuid not null, user_uuid uuid, release_uuid uuid,
    graph_uuid uuid not null, trace_uuid uuid not null, data json not null, status text not null, error_message text,
    shard_size int not null, cursor bigint not null default 0, enumerated boolean not null default false, epoch int not null default 0,
    executed_count bigint not null default 0, failed_count bigint not null default 0, cancelled_count bigint not null default 0,
    credits double precision not null default 0, created_ms bigint not null, updated_ms bigint not null, finished_ms bigint
);
create index batches_by_workflow on batches (workspace_uuid, workflow_uuid, uuid desc);
create index batches_unfinished on batches (uuid) where finished_ms is null;

create table shards (
    uuid uuid primary key, workspace_uuid uuid not null, batch_uuid uuid, no bigint not null default 0, lane text not null,
    state text not null, epoch int not null default 0, tries int not null default 0, owner text, suspect text,
    signal int not null default 0, last_flush uuid, first_run uuid not null, last_run uuid not null,
    executed bigint not null default 0, failed bigint not null default 0, cancelled bigint not null default 0,
    credits double precision not null default 0, touched_ms bigint not null
);
create index shards_of_batch on shards (batch_uuid) where batch_uuid is not null;
create index shards_waiting on shards (workspace_uuid, no, batch_uuid) where state = 'waiting';
create index shards_active on shards (workspace_uuid, lane, touched_ms) where state in ('queued', 'running');

create table runs (
    uuid uuid primary key, workspace_uuid uuid not null, workflow_uuid uuid not null, batch_uuid uuid, shard_uuid uuid not null,
    graph_uuid uuid not null, release_uuid uuid, user_uuid uuid, trace_uuid uuid not null, record_id text not null,
    record_title text not null, record json not null, status text not null default 'pending', position text, wake_ms bigint,
    pending json, error_message text, credits double precision not null default 0, parent_uuid uuid, parent_node_uuid text,
    parent_batch_uuid uuid, parent_agent_uuid uuid, parent_chat_uuid uuid, parent_message_uuid uuid, is_group_parent boolean,
    created_ms bigint not null, updated_ms bigint not null, finished_ms bigint
) partition by range (uuid);
create index runs_by_workflow on runs (workflow_uuid, uuid);
create index runs_of_batch on runs (batch_uuid, uuid) where batch_uuid is not null;
create index runs_of_shard on runs (shard_uuid);
create index runs_to_wake on runs (wake_ms) where wake_ms is not null;

create table executions (
    run_uuid uuid not null, seq int not null, workspace_uuid uuid not null, node_uuid text not null, node_slug text not null,
    visit int not null, status text not null, child_index int, next_node_uuid text, title text not null, error_message text,
    warnings text[], output json, output_file text, config json, credits double precision not null,
    started_ms bigint not null, finished_ms bigint not null, primary key (run_uuid, seq)
) partition by range (run_uuid);

create table node_metrics (
    workflow_uuid uuid not null, release_uuid uuid not null, batch_uuid uuid not null, hour bigint not null, node_uuid text not null,
    slot int not null, workspace_uuid uuid not null, total bigint not null, success bigint not null, error bigint not null,
    idle bigint not null, cancelled bigint not null, credits double precision not null,
    primary key (workflow_uuid, release_uuid, batch_uuid, hour, node_uuid, slot)
);
create index node_metrics_of_batch on node_metrics (batch_uuid);

create table workers (
    uuid uuid primary key, host text not null, pid int not null, queue_ids bigint[] not null, slots int not null,
    started_ms bigint not null, beat_ms bigint not null
);
"""

PARTITIONS = """
create function cargo_month_partitions(months_ahead int) returns int language plpgsql as $$
-- A UUIDv7 begins with 48 bits of milliseconds, so a month of ids is a range.
declare
    this_month timestamptz := date_trunc('month', now() at time zone 'utc') at time zone 'utc';
    begins timestamptz; low uuid; high uuid; suffix text; made int := 0;
begin
    for i in -1..months_ahead loop
        begins := this_month + make_interval(months => i);
        low := (lpad(to_hex((extract(epoch from begins) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;
        high := (lpad(to_hex((extract(epoch from begins + interval '1 month') * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;
        suffix := to_char(begins at time zone 'utc', 'YYYY_MM');
        if to_regclass('runs_' || suffix) is null then
            execute format('create table %I partition of runs for values from (%L) to (%L) with (fillfactor = 80)',
                'runs_' || suffix, low, high);
            execute format('create table %I partition of executions for values from (%L) to (%L)',
                'executions_' || suffix, low, high);
            made := made + 1;
        end if;
    end loop;
    return made;
end $$;
create table runs_other partition of runs default;
create table executions_other partition of executions default;
select cargo_month_partitions(3);
"""
"""What a clock that is far off writes goes to the default partitions, so that nothing is ever refused."""


def upgrade() -> None:
    """Create the queue, the journal and its partitions."""
    for script in (SchemaManager.get_schema(), JOURNAL, PARTITIONS):
        # The driver reads % as a placeholder in scripts without parameters, too.
        op.get_bind().exec_driver_sql(script.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
