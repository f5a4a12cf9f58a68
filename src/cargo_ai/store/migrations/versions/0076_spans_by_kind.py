"""Spans by kind: the view reads rows, packed executions, waiting nodes and what is archived side by side, each without what a query
does not ask for."""

from __future__ import annotations

from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None

MINE = "(select l.workspace_uuid from journal.logins l where l.role = session_user)"
# Divided as a float: as a decimal, which gives the same, it was a third of the time of a query over a day.
MOMENT = "to_timestamp({0} / 1000.0::double precision)"
# Only the graph knows what kind a node is of. Grouped, the join is left out where a query does not ask for it.
NODES = f"""
select g.uuid as graph_uuid, n.value ->> 'uuid' as node_uuid, min(n.value ->> 'kind') as kind,
    min(n.value ->> 'actionSlug') as action_slug, min(n.value ->> 'integrationSlug') as integration_slug,
    min(n.value ->> 'connectorUuid') as connector_uuid, min(n.value ->> 'toolUuid') as tool_uuid,
    min(n.value ->> 'agentUuid') as agent_uuid
from graphs g cross join lateral json_array_elements(g.nodes) n
where g.workspace_uuid = {MINE} group by g.uuid, n.value ->> 'uuid'
"""  # noqa: S608 - put together from our own texts
RUNS = "left join runs r on r.uuid = {run}"
# PostgreSQL computes every column of a union that is below another one, the titles of packed executions above all, which are beside
# their bodies. So each kind has all of the joins: those that a query does not ask for are left out of it.
KIND = f"""
    select {{own}}.workspace_uuid, r.workflow_uuid, r.user_uuid, r.release_uuid, r.batch_uuid, r.trace_uuid, r.record_id, r.record_title,
        {{run}} as run_uuid, r.parent_uuid as parent_run_uuid, r.parent_node_uuid, r.parent_batch_uuid, r.parent_agent_uuid,
        r.parent_chat_uuid, r.parent_message_uuid, r.is_group_parent, {{node}} as node_uuid, coalesce({{slug}}, '') as node_slug,
        coalesce(n.kind, 'native') as node_kind, n.action_slug as node_action_slug, n.integration_slug as node_integration_slug,
        n.connector_uuid as node_connector_uuid, n.tool_uuid as node_tool_uuid, n.agent_uuid as node_agent_uuid,
        {{child}} as node_child_index, {{next}} as node_next_uuid, {{seq}} as execution_index, {{status}} as execution_status,
        {{message}} as execution_error_message, {{title}} as execution_title, {{credits}} as execution_credits_used_count,
        {MOMENT.format("{began}")} as execution_started_at, {MOMENT.format("coalesce({ended}, {began})")} as execution_updated_at,
        {MOMENT.format("{ended}")} as execution_finished_at, {{about}} as execution_started_ms
    from {{source}} left join ({NODES}) n on n.graph_uuid = r.graph_uuid and n.node_uuid = {{node}}
    where {{own}}.workspace_uuid = {MINE}{{more}}
"""  # noqa: S608 - put together from our own texts
ROWS = KIND.format(
    source=f"execution_rows e {RUNS.format(run='e.run_uuid')}",
    own="e",
    run="e.run_uuid",
    node="e.node_uuid",
    slug="e.node_slug",
    child="e.child_index",
    next="e.next_node_uuid",
    seq="e.seq",
    status="e.status",
    message="e.error_message",
    title="e.title",
    credits="e.credits",
    began="e.started_ms",
    ended="e.finished_ms",
    about="e.started_ms",
    more="",
)
PACKED = KIND.format(
    source="packed_executions p join path_steps s on s.path_uuid = p.path_uuid left join packed_bodies b on b.uuid = p.body_uuid "
    + RUNS.format(run="p.run_uuid"),
    own="p",
    run="p.run_uuid",
    node="s.node_uuid",
    slug="s.node_slug",
    child="s.child_index",
    next="s.next_node_uuid",
    seq="p.seq + s.step",
    status="'success'::text",
    message="null::text",
    title="coalesce(b.titles[p.item + s.step], '')",
    credits="s.credits",
    began="(p.started_ms + p.times[2 * s.step + 1])",
    ended="(p.started_ms + p.times[2 * s.step + 2])",
    about="p.started_ms",
    more="",
)
WAITING = KIND.format(
    source="runs r",
    own="r",
    run="r.uuid",
    node="r.position",
    slug="(select v.value ->> 'slug' from graphs g, json_array_elements(g.nodes) v "
    "where g.uuid = r.graph_uuid and v.value ->> 'uuid' = r.position limit 1)",
    child="null::int",
    next="null::text",
    seq="(select count(*)::int from executions e where e.run_uuid = r.uuid)",
    status="'pending'::text",
    message="null::text",
    title="null::text",
    credits="0::double precision",
    began="r.updated_ms",
    ended="null::bigint",
    about="r.updated_ms",
    more=" and r.rare_status = 'idle' and r.position is not null",
)
ARCHIVED = f"""
    select a.workspace_uuid, a.workflow_uuid, a.user_uuid, a.release_uuid, a.batch_uuid, a.trace_uuid, a.record_id, a.record_title,
        a.run_uuid, a.parent_run_uuid, a.parent_node_uuid, a.parent_batch_uuid, a.parent_agent_uuid, a.parent_chat_uuid,
        a.parent_message_uuid, a.is_group_parent, a.node_uuid, coalesce(a.node_slug, ''), coalesce(a.node_kind, 'native'),
        a.node_action_slug, a.node_integration_slug, a.node_connector_uuid, a.node_tool_uuid, a.node_agent_uuid, a.node_child_index,
        a.node_next_uuid, a.execution_index, a.execution_status, a.execution_error_message, a.execution_title,
        a.execution_credits_used_count, {MOMENT.format("a.started_ms")}, {MOMENT.format("coalesce(a.finished_ms, a.started_ms)")},
        {MOMENT.format("a.finished_ms")}, a.started_ms
    from archived_spans a where a.workspace_uuid = {MINE}
"""  # noqa: S608 - put together from our own texts
SPANS = f"""
create or replace view journal.spans with (security_barrier) as
select * from ({ROWS} union all {PACKED} union all {WAITING} union all {ARCHIVED}) s
"""  # noqa: S608 - put together from our own texts


def upgrade() -> None:
    """Replace the view; who may read it stays, and no row is touched."""
    op.get_bind().exec_driver_sql(SPANS)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
