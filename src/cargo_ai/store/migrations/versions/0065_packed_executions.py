"""Packed executions: what many runs of a batch did is one row for each run, beside what its nodes gave, many runs together, compressed."""

from __future__ import annotations

from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

# Renamed, not rewritten: what is there stays as it is, and the view shows both.
TABLES = """
alter table executions rename to execution_rows;
create table path_steps (
    path_uuid uuid not null, step int not null, workspace_uuid uuid not null, node_uuid text not null, node_slug text not null,
    visit int not null, child_index int, next_node_uuid text, stored_ms bigint not null, primary key (path_uuid, step)
);
create table packed_bodies (
    uuid uuid primary key, workspace_uuid uuid not null, titles text[] not null, outputs text[] not null, configs text[] not null
) partition by range (uuid);
create table packed_executions (
    run_uuid uuid not null, seq int not null, item smallint not null, workspace_uuid uuid not null, path_uuid uuid not null,
    body_uuid uuid not null, started_ms bigint not null, times smallint[] not null, primary key (run_uuid, seq)
) partition by range (run_uuid);
create index packed_executions_by_start on packed_executions using brin (started_ms) with (autosummarize = on, pages_per_range = 32);
"""
PARTITIONS = """
create or replace function cargo_month_partitions(months_ahead int) returns int language plpgsql as $$
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
            execute format('create table %I partition of runs for values from (%L) to (%L) with (fillfactor = 50)',
                'runs_' || suffix, low, high);
            execute format('create table %I partition of execution_rows for values from (%L) to (%L)',
                'executions_' || suffix, low, high);
            execute format('create table %I partition of packed_executions for values from (%L) to (%L)',
                'packed_executions_' || suffix, low, high);
            execute format('create table %I partition of packed_bodies for values from (%L) to (%L)',
                'packed_bodies_' || suffix, low, high);
            made := made + 1;
        end if;
    end loop;
    return made;
end $$;
do $$
declare
    part record;
begin
    for part in
        select substr(c.relname, 6) as suffix, pg_get_expr(c.relpartbound, c.oid) as bounds
        from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'runs'::regclass
    loop
        execute format('create table %I partition of packed_executions %s', 'packed_executions_' || part.suffix, part.bounds);
        execute format('create table %I partition of packed_bodies %s', 'packed_bodies_' || part.suffix, part.bounds);
    end loop;
end $$;
"""
# `packed_ms`: when the first of the executions in the same row began, at most 32,767 ms before this one.
VIEW = """
create view executions as
select e.run_uuid, e.seq, e.workspace_uuid, e.node_uuid, e.node_slug, e.visit, e.status, e.child_index, e.next_node_uuid, e.title,
    e.error_message, e.reason, e.operation, e.external_id, e.warnings, e.attempts, e.log, e.output, e.output_file, e.config, e.credits,
    e.started_ms, e.finished_ms, e.started_ms as packed_ms
from execution_rows e
union all
select p.run_uuid, p.seq + s.step, p.workspace_uuid, s.node_uuid, s.node_slug, s.visit, 'success'::text, s.child_index, s.next_node_uuid,
    coalesce(b.titles[p.item + s.step], ''), null::text, null::text, null::text, null::text, null::text[], null::json, null::text,
    b.outputs[p.item + s.step]::json, null::text, b.configs[p.item + s.step]::json, 0::double precision,
    p.started_ms + p.times[2 * s.step + 1], p.started_ms + p.times[2 * s.step + 2], p.started_ms
from packed_executions p join path_steps s on s.path_uuid = p.path_uuid left join packed_bodies b on b.uuid = p.body_uuid;
"""

MINE = "(select l.workspace_uuid from journal.logins l where l.role = session_user)"
MOMENT = "to_timestamp({0} / 1000.0)"
PARENTS = (
    "r.parent_uuid as parent_run_uuid, r.parent_node_uuid, r.parent_batch_uuid, r.parent_agent_uuid, r.parent_chat_uuid, "
    "r.parent_message_uuid, r.is_group_parent"
)
# Only the graph knows what kind a node is of. Grouped, the join is left out where a query does not ask for it.
NODES = f"""
select g.uuid as graph_uuid, n.value ->> 'uuid' as node_uuid, min(n.value ->> 'slug') as slug, min(n.value ->> 'kind') as kind,
    min(n.value ->> 'actionSlug') as action_slug, min(n.value ->> 'integrationSlug') as integration_slug,
    min(n.value ->> 'connectorUuid') as connector_uuid, min(n.value ->> 'toolUuid') as tool_uuid,
    min(n.value ->> 'agentUuid') as agent_uuid
from graphs g cross join lateral json_array_elements(g.nodes) n
where g.workspace_uuid = {MINE} group by g.uuid, n.value ->> 'uuid'
"""  # noqa: S608 - put together from our own texts
# Joined from the left and outside of the union, runs and graphs are left out where a query asks only for what executions have. Every
# execution has its run.
SPANS = f"""
create or replace view journal.spans with (security_barrier) as
select x.workspace_uuid, r.workflow_uuid, r.user_uuid, r.release_uuid, r.batch_uuid, r.trace_uuid, r.record_id, r.record_title, x.run_uuid,
    {PARENTS}, x.node_uuid, coalesce(x.node_slug, '') as node_slug, coalesce(n.kind, 'native') as node_kind,
    n.action_slug as node_action_slug, n.integration_slug as node_integration_slug, n.connector_uuid as node_connector_uuid,
    n.tool_uuid as node_tool_uuid, n.agent_uuid as node_agent_uuid, x.child_index as node_child_index, x.next_node_uuid as node_next_uuid,
    x.seq as execution_index, x.status as execution_status, x.message as execution_error_message, x.title as execution_title,
    x.spent as execution_credits_used_count, {MOMENT.format("x.began_ms")} as execution_started_at,
    {MOMENT.format("coalesce(x.ended_ms, x.began_ms)")} as execution_updated_at, {MOMENT.format("x.ended_ms")} as execution_finished_at,
    x.about_ms as execution_started_ms
from (
    select e.workspace_uuid, e.run_uuid, e.seq, e.node_uuid, e.node_slug, e.status, e.child_index, e.next_node_uuid, e.title,
        e.error_message as message, e.credits as spent, e.started_ms as began_ms, e.finished_ms as ended_ms,
        e.packed_ms as about_ms
    from executions e where e.workspace_uuid = {MINE}
    union all
    select w.workspace_uuid, w.uuid, (select count(*)::int from executions e where e.run_uuid = w.uuid), w.position,
        (select v.value ->> 'slug' from graphs g, json_array_elements(g.nodes) v
            where g.uuid = w.graph_uuid and v.value ->> 'uuid' = w.position limit 1), 'pending', null, null, null, null,
        0, w.updated_ms, null, w.updated_ms
    from runs w where w.rare_status = 'idle' and w.position is not null and w.workspace_uuid = {MINE}
) x left join runs r on r.uuid = x.run_uuid left join ({NODES}) n on n.graph_uuid = r.graph_uuid and n.node_uuid = x.node_uuid;
"""  # noqa: S608 - put together from our own texts


WRITING = f"""
select g.uuid as graph_uuid, n.value ->> 'uuid' as node_uuid, min(n.value ->> 'actionSlug') as action_slug,
    min(n.value ->> 'integrationSlug') as integration_slug, min(n.value ->> 'connectorUuid') as connector_uuid
from graphs g cross join lateral json_array_elements(g.nodes) n
where g.workspace_uuid = {MINE} group by g.uuid, n.value ->> 'uuid'
"""  # noqa: S608 - put together from our own texts
ROW_RESULTS = f"""
create or replace view journal.row_results with (security_barrier) as
select r.workspace_uuid, r.workflow_uuid, r.release_uuid, coalesce(r.batch_uuid, r.parent_batch_uuid) as batch_uuid, r.uuid as run_uuid,
    r.record_id, r.record_title, e.node_uuid, e.node_slug, n.integration_slug as node_integration_slug, n.action_slug as node_action_slug,
    n.connector_uuid as node_connector_uuid, e.operation, e.status, e.reason, coalesce(e.error_message, e.title) as message,
    e.external_id, to_timestamp(e.finished_ms / 1000.0) as written_at
from executions e join runs r on r.uuid = e.run_uuid
    left join ({WRITING}) n on n.graph_uuid = r.graph_uuid and n.node_uuid = e.node_uuid
where e.operation is not null and e.workspace_uuid = {MINE} and r.workspace_uuid = {MINE};
"""  # noqa: S608 - put together from our own texts


def upgrade() -> None:
    """Rename the table, add those for what is packed, and let the views show both. No row is touched."""
    for script in (TABLES, PARTITIONS, VIEW, SPANS, ROW_RESULTS):
        # The driver reads % as a placeholder in scripts without parameters, too.
        op.get_bind().exec_driver_sql(script.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
