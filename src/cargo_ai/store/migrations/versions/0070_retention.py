"""Retention by tier: workspaces say how long what nodes gave and runs are kept, and what goes may be archived and read by SQL."""

from __future__ import annotations

from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

TABLES = """
create table retention_rules (
    workspace_uuid uuid primary key, bodies_days int, runs_days int, is_archiving boolean, updated_at timestamptz not null default now()
);
create table bodies_dropped (
    month text not null, workspace_uuid uuid not null, state text not null, last_run uuid not null, looked_ms bigint not null,
    primary key (month, workspace_uuid)
);
create table bodies_kept (
    month text not null, workspace_uuid uuid not null, run_uuid uuid not null, primary key (month, workspace_uuid, run_uuid)
);
create index bodies_kept_of_run on bodies_kept (run_uuid);
create table archived_files (
    key text primary key, workspace_uuid uuid not null, month text not null, executions bigint not null, bytes bigint not null,
    archived_ms bigint not null, are_runs_removed boolean not null default false, read_ms bigint
);
create index archived_files_of_month on archived_files (workspace_uuid, month);
alter table execution_rows add column is_dropped boolean not null default false;
create table archived_spans (
    key text not null, workspace_uuid uuid not null, workflow_uuid uuid, user_uuid uuid, release_uuid uuid, batch_uuid uuid,
    trace_uuid uuid, record_id text, record_title text, run_uuid uuid not null, parent_run_uuid uuid, parent_node_uuid text,
    parent_batch_uuid uuid, parent_agent_uuid uuid, parent_chat_uuid uuid, parent_message_uuid uuid, is_group_parent boolean,
    node_uuid text, node_slug text, node_kind text, node_action_slug text, node_integration_slug text, node_connector_uuid text,
    node_tool_uuid text, node_agent_uuid text, node_child_index int, node_next_uuid text, execution_index int, execution_status text,
    execution_error_message text, execution_title text, execution_credits_used_count double precision, started_ms bigint not null,
    finished_ms bigint
);
create index archived_spans_of_workspace on archived_spans (workspace_uuid, started_ms);
create index archived_spans_of_file on archived_spans (key);
"""
# A packed execution without its body is one whose body was dropped: bodies are written together with what is in them.
VIEW = """
create or replace view executions as
select e.run_uuid, e.seq, e.workspace_uuid, e.node_uuid, e.node_slug, e.visit, e.status, e.child_index, e.next_node_uuid, e.title,
    e.error_message, e.reason, e.operation, e.external_id, e.warnings, e.attempts, e.log, e.output, e.output_file, e.config, e.credits,
    e.started_ms, e.finished_ms, e.started_ms as packed_ms, e.is_dropped
from execution_rows e
union all
select p.run_uuid, p.seq + s.step, p.workspace_uuid, s.node_uuid, s.node_slug, s.visit, 'success'::text, s.child_index, s.next_node_uuid,
    coalesce(b.titles[p.item + s.step], ''), null::text, null::text, null::text, null::text, null::text[], null::json, null::text,
    b.outputs[p.item + s.step]::json, null::text, b.configs[p.item + s.step]::json, s.credits,
    p.started_ms + p.times[2 * s.step + 1], p.started_ms + p.times[2 * s.step + 2], p.started_ms, b.uuid is null
from packed_executions p join path_steps s on s.path_uuid = p.path_uuid left join packed_bodies b on b.uuid = p.body_uuid;
"""

MINE = "(select l.workspace_uuid from journal.logins l where l.role = session_user)"
MOMENT = "to_timestamp({0} / 1000.0)"
PARENTS = (
    "r.parent_uuid as parent_run_uuid, r.parent_node_uuid, r.parent_batch_uuid, r.parent_agent_uuid, r.parent_chat_uuid, "
    "r.parent_message_uuid, r.is_group_parent"
)
NODES = f"""
select g.uuid as graph_uuid, n.value ->> 'uuid' as node_uuid, min(n.value ->> 'slug') as slug, min(n.value ->> 'kind') as kind,
    min(n.value ->> 'actionSlug') as action_slug, min(n.value ->> 'integrationSlug') as integration_slug,
    min(n.value ->> 'connectorUuid') as connector_uuid, min(n.value ->> 'toolUuid') as tool_uuid,
    min(n.value ->> 'agentUuid') as agent_uuid
from graphs g cross join lateral json_array_elements(g.nodes) n
where g.workspace_uuid = {MINE} group by g.uuid, n.value ->> 'uuid'
"""  # noqa: S608 - put together from our own texts
# The union is below, so that what a query does not ask for is left out of either side: the joins with runs and graphs, above all.
SPANS = f"""
create or replace view journal.spans with (security_barrier) as
select * from (
    select x.workspace_uuid, r.workflow_uuid, r.user_uuid, r.release_uuid, r.batch_uuid, r.trace_uuid, r.record_id, r.record_title,
        x.run_uuid, {PARENTS}, x.node_uuid, coalesce(x.node_slug, '') as node_slug, coalesce(n.kind, 'native') as node_kind,
        n.action_slug as node_action_slug, n.integration_slug as node_integration_slug, n.connector_uuid as node_connector_uuid,
        n.tool_uuid as node_tool_uuid, n.agent_uuid as node_agent_uuid, x.child_index as node_child_index,
        x.next_node_uuid as node_next_uuid, x.seq as execution_index, x.status as execution_status, x.message as execution_error_message,
        x.title as execution_title, x.spent as execution_credits_used_count, {MOMENT.format("x.began_ms")} as execution_started_at,
        {MOMENT.format("coalesce(x.ended_ms, x.began_ms)")} as execution_updated_at,
        {MOMENT.format("x.ended_ms")} as execution_finished_at, x.about_ms as execution_started_ms
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
    ) x left join runs r on r.uuid = x.run_uuid left join ({NODES}) n on n.graph_uuid = r.graph_uuid and n.node_uuid = x.node_uuid
    union all
    select a.workspace_uuid, a.workflow_uuid, a.user_uuid, a.release_uuid, a.batch_uuid, a.trace_uuid, a.record_id, a.record_title,
        a.run_uuid, a.parent_run_uuid, a.parent_node_uuid, a.parent_batch_uuid, a.parent_agent_uuid, a.parent_chat_uuid,
        a.parent_message_uuid, a.is_group_parent, a.node_uuid, coalesce(a.node_slug, ''), coalesce(a.node_kind, 'native'),
        a.node_action_slug, a.node_integration_slug, a.node_connector_uuid, a.node_tool_uuid, a.node_agent_uuid, a.node_child_index,
        a.node_next_uuid, a.execution_index, a.execution_status, a.execution_error_message, a.execution_title,
        a.execution_credits_used_count, {MOMENT.format("a.started_ms")}, {MOMENT.format("coalesce(a.finished_ms, a.started_ms)")},
        {MOMENT.format("a.finished_ms")}, a.started_ms
    from archived_spans a where a.workspace_uuid = {MINE}
) s;
"""  # noqa: S608 - put together from our own texts


def upgrade() -> None:
    """Create the tables, and let the views show what was dropped and what was archived. No row is touched."""
    for script in (TABLES, VIEW, SPANS):
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
