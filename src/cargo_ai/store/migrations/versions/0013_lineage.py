"""Lineage: what is below a run or a trace, found by indexes of their own; and the journal as each workspace's own SQL may read it."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Partial: the runs of a batch, which are nearly all there are, pay for none of them.
INDEXES = """
create index if not exists runs_of_trace on runs (trace_uuid, uuid) where parent_uuid is not null;
create index if not exists runs_single on runs (workspace_uuid, uuid) where batch_uuid is null and parent_uuid is null;
"""

# A view shows the rows of the workspace whose login asks; a login that is not on the list sees none. `session_user` is who logged in,
# whatever role was taken later; the barrier keeps a query's own conditions from being tried on other workspaces' rows.
MINE = "(select l.workspace_uuid from journal.logins l where l.role = session_user)"
MOMENT = "to_timestamp({0} / 1000.0)"
PARENTS = (
    "r.parent_uuid as parent_run_uuid, r.parent_node_uuid, r.parent_batch_uuid, r.parent_agent_uuid, r.parent_chat_uuid, "
    "r.parent_message_uuid, r.is_group_parent"
)
OF_RUN = f"""
    case when r.status = 'pending' and s.state = 'running' then 'running' else r.status end as status, r.error_message,
    r.credits as credits_used_count, {PARENTS}, {MOMENT.format("r.created_ms")} as created_at,
    {MOMENT.format("r.updated_ms")} as updated_at, {MOMENT.format("r.finished_ms")} as finished_at
"""
NAMES = "r.workspace_uuid, r.workflow_uuid, r.user_uuid, r.release_uuid, r.batch_uuid, r.trace_uuid"

RUNS = f"""
create view journal.runs with (security_barrier) as
select r.uuid, {NAMES}, r.record_id, r.record_title, {OF_RUN}
from runs r left join shards s on s.uuid = r.shard_uuid
where r.workspace_uuid = {MINE};
"""  # noqa: S608 - put together from our own texts
RECORDS = f"""
create view journal.records with (security_barrier) as
select r.record_id as id, r.record_title as title, r.uuid as run_uuid, {NAMES}, {OF_RUN}
from runs r left join shards s on s.uuid = r.shard_uuid
where r.workspace_uuid = {MINE} and r.status <> 'skipped' and not exists (
    select from runs n where n.workflow_uuid = r.workflow_uuid and n.record_id = r.record_id
        and n.parent_node_uuid is not distinct from r.parent_node_uuid and n.uuid > r.uuid and n.status <> 'skipped'
);
"""  # noqa: S608 - put together from our own texts
BATCHES = f"""
create view journal.batches with (security_barrier) as
select b.uuid, b.workspace_uuid, b.workflow_uuid, b.user_uuid, b.release_uuid, b.trace_uuid, b.data ->> 'kind' as data_kind, b.status,
    b.error_message, b.cursor as runs_count,
    case when b.finished_ms is null then c.executed else b.executed_count end as executed_runs_count,
    case when b.finished_ms is null then c.failed else b.failed_count end as failed_runs_count,
    case when b.finished_ms is null then c.credits else b.credits end as credits_used_count,
    {MOMENT.format("b.created_ms")} as created_at, {MOMENT.format("b.updated_ms")} as updated_at,
    {MOMENT.format("b.finished_ms")} as finished_at
from batches b cross join lateral (
    select coalesce(sum(s.executed), 0)::bigint as executed, coalesce(sum(s.failed), 0)::bigint as failed,
        coalesce(sum(s.credits), 0) as credits
    from shards s where s.batch_uuid = b.uuid
) c
where b.workspace_uuid = {MINE};
"""  # noqa: S608 - put together from our own texts
# Only the graph knows what kind a node is of. Grouped, the join is left out where a query does not ask for it.
NODES = f"""
select g.uuid as graph_uuid, n.value ->> 'uuid' as node_uuid, min(n.value ->> 'slug') as slug, min(n.value ->> 'kind') as kind,
    min(n.value ->> 'actionSlug') as action_slug, min(n.value ->> 'integrationSlug') as integration_slug,
    min(n.value ->> 'connectorUuid') as connector_uuid, min(n.value ->> 'toolUuid') as tool_uuid,
    min(n.value ->> 'agentUuid') as agent_uuid
from graphs g cross join lateral json_array_elements(g.nodes) n
where g.workspace_uuid = {MINE} group by g.uuid, n.value ->> 'uuid'
"""  # noqa: S608 - put together from our own texts
SPANS = f"""
create view journal.spans with (security_barrier) as
select r.workspace_uuid, r.workflow_uuid, r.user_uuid, r.release_uuid, r.batch_uuid, r.trace_uuid, r.record_id, r.record_title, r.run_uuid,
    {PARENTS}, r.node_uuid, coalesce(r.node_slug, n.slug, '') as node_slug, coalesce(n.kind, 'native') as node_kind,
    n.action_slug as node_action_slug, n.integration_slug as node_integration_slug, n.connector_uuid as node_connector_uuid,
    n.tool_uuid as node_tool_uuid, n.agent_uuid as node_agent_uuid, r.child_index as node_child_index, r.next_node_uuid as node_next_uuid,
    r.seq as execution_index, r.status as execution_status, r.message as execution_error_message, r.title as execution_title,
    r.spent as execution_credits_used_count, {MOMENT.format("r.began_ms")} as execution_started_at,
    {MOMENT.format("coalesce(r.ended_ms, r.began_ms)")} as execution_updated_at, {MOMENT.format("r.ended_ms")} as execution_finished_at
from (
    select r.*, e.run_uuid, e.seq, e.node_uuid, e.node_slug, e.status, e.child_index, e.next_node_uuid, e.title, e.error_message as message,
        e.credits as spent, e.started_ms as began_ms, e.finished_ms as ended_ms
    from executions e join (select {NAMES}, r.uuid, r.record_id, r.record_title, r.graph_uuid, r.parent_uuid, r.parent_node_uuid,
        r.parent_batch_uuid, r.parent_agent_uuid, r.parent_chat_uuid, r.parent_message_uuid, r.is_group_parent from runs r) r
        on r.uuid = e.run_uuid
    where e.workspace_uuid = {MINE} and r.workspace_uuid = {MINE}
    union all
    select {NAMES}, r.uuid, r.record_id, r.record_title, r.graph_uuid, r.parent_uuid, r.parent_node_uuid,
        r.parent_batch_uuid, r.parent_agent_uuid, r.parent_chat_uuid, r.parent_message_uuid, r.is_group_parent,
        r.uuid, (select count(*)::int from executions e where e.run_uuid = r.uuid), r.position, null, 'pending', null, null, null, null,
        0, r.updated_ms, null
    from runs r where r.status = 'idle' and r.position is not null and r.workspace_uuid = {MINE}
) r left join ({NODES}) n on n.graph_uuid = r.graph_uuid and n.node_uuid = r.node_uuid;
"""  # noqa: S608 - put together from our own texts


def upgrade() -> None:
    """Make the indexes and the views."""
    op.execute(INDEXES)
    op.execute("create schema journal")
    op.execute("create table journal.logins (role text primary key, workspace_uuid uuid not null)")
    for view in (RUNS, RECORDS, BATCHES, SPANS):
        op.get_bind().exec_driver_sql(view)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
