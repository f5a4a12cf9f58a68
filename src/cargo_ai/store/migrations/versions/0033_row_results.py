"""Row results: what write-backs did to which record of a service, as each workspace's own SQL may read it."""

from __future__ import annotations

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

MINE = "(select l.workspace_uuid from journal.logins l where l.role = session_user)"
# Only the graph knows what a node is. Grouped, the join is left out where a query does not ask for it.
NODES = f"""
select g.uuid as graph_uuid, n.value ->> 'uuid' as node_uuid, min(n.value ->> 'actionSlug') as action_slug,
    min(n.value ->> 'integrationSlug') as integration_slug, min(n.value ->> 'connectorUuid') as connector_uuid
from graphs g cross join lateral json_array_elements(g.nodes) n
where g.workspace_uuid = {MINE} group by g.uuid, n.value ->> 'uuid'
"""  # noqa: S608 - put together from our own texts
ROW_RESULTS = f"""
create view journal.row_results with (security_barrier) as
select r.workspace_uuid, r.workflow_uuid, r.release_uuid, coalesce(r.batch_uuid, r.parent_batch_uuid) as batch_uuid, r.uuid as run_uuid,
    r.record_id, r.record_title, e.node_uuid, e.node_slug, n.integration_slug as node_integration_slug, n.action_slug as node_action_slug,
    n.connector_uuid as node_connector_uuid, e.operation, e.status, e.reason, coalesce(e.error_message, e.title) as message,
    e.external_id, to_timestamp(e.finished_ms / 1000.0) as written_at
from executions e join runs r on r.uuid = e.run_uuid
    left join ({NODES}) n on n.graph_uuid = r.graph_uuid and n.node_uuid = e.node_uuid
where e.operation is not null and e.workspace_uuid = {MINE} and r.workspace_uuid = {MINE};
"""  # noqa: S608 - put together from our own texts


def upgrade() -> None:
    """Add the columns, which rewrites no table, and the view."""
    op.execute("alter table executions add column operation text")
    op.execute("alter table executions add column external_id text")
    op.get_bind().exec_driver_sql(ROW_RESULTS)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
