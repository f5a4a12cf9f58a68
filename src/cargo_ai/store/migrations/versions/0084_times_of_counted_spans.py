"""Times of counted spans: what is not packed says when it ended, too, for queries about how long executions took."""

from __future__ import annotations

from alembic import op

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None

MINE = "(select l.workspace_uuid from journal.logins l where l.role = session_user)"
SINGLE_SPANS = f"""
create or replace view journal.single_spans with (security_barrier) as
select e.node_uuid, coalesce(e.node_slug, '') as node_slug, e.child_index as node_child_index, e.next_node_uuid as node_next_uuid,
    e.status as execution_status, e.credits as execution_credits_used_count, e.started_ms, e.finished_ms
from execution_rows e where e.workspace_uuid = {MINE}
union all
select r.position, coalesce((select v.value ->> 'slug' from graphs g, json_array_elements(g.nodes) v
    where g.uuid = r.graph_uuid and v.value ->> 'uuid' = r.position limit 1), ''), null, null, 'pending', 0, r.updated_ms, null
from runs r where r.workspace_uuid = {MINE} and r.rare_status = 'idle' and r.position is not null
union all
select a.node_uuid, coalesce(a.node_slug, ''), a.node_child_index, a.node_next_uuid, a.execution_status, a.execution_credits_used_count,
    a.started_ms, a.finished_ms
from archived_spans a where a.workspace_uuid = {MINE}
"""  # noqa: S608 - put together from our own texts


def upgrade() -> None:
    """The view gets a column behind the others; who may read it stays, and no row is touched."""
    op.get_bind().exec_driver_sql(SINGLE_SPANS)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
