"""Spans by time: the view shows when an execution started as the number that is stored, too, by which an index finds a day of millions."""

from __future__ import annotations

from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

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
    x.began_ms as execution_started_ms
from (
    select e.workspace_uuid, e.run_uuid, e.seq, e.node_uuid, e.node_slug, e.status, e.child_index, e.next_node_uuid, e.title,
        e.error_message as message, e.credits as spent, e.started_ms as began_ms, e.finished_ms as ended_ms
    from executions e where e.workspace_uuid = {MINE}
    union all
    select w.workspace_uuid, w.uuid, (select count(*)::int from executions e where e.run_uuid = w.uuid), w.position,
        (select v.value ->> 'slug' from graphs g, json_array_elements(g.nodes) v
            where g.uuid = w.graph_uuid and v.value ->> 'uuid' = w.position limit 1), 'pending', null, null, null, null,
        0, w.updated_ms, null
    from runs w where w.rare_status = 'idle' and w.position is not null and w.workspace_uuid = {MINE}
) x left join runs r on r.uuid = x.run_uuid left join ({NODES}) n on n.graph_uuid = r.graph_uuid and n.node_uuid = x.node_uuid;
"""  # noqa: S608 - put together from our own texts


def upgrade() -> None:
    """Replace the view; who may read it stays."""
    op.get_bind().exec_driver_sql(SPANS)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
