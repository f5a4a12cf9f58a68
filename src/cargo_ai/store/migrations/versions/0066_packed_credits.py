"""Packed executions may have cost credits: a path says what each of its steps cost."""

from __future__ import annotations

from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

VIEW = """
alter table path_steps add column credits double precision not null default 0;
create or replace view executions as
select e.run_uuid, e.seq, e.workspace_uuid, e.node_uuid, e.node_slug, e.visit, e.status, e.child_index, e.next_node_uuid, e.title,
    e.error_message, e.reason, e.operation, e.external_id, e.warnings, e.attempts, e.log, e.output, e.output_file, e.config, e.credits,
    e.started_ms, e.finished_ms, e.started_ms as packed_ms
from execution_rows e
union all
select p.run_uuid, p.seq + s.step, p.workspace_uuid, s.node_uuid, s.node_slug, s.visit, 'success'::text, s.child_index, s.next_node_uuid,
    coalesce(b.titles[p.item + s.step], ''), null::text, null::text, null::text, null::text, null::text[], null::json, null::text,
    b.outputs[p.item + s.step]::json, null::text, b.configs[p.item + s.step]::json, s.credits,
    p.started_ms + p.times[2 * s.step + 1], p.started_ms + p.times[2 * s.step + 2], p.started_ms
from packed_executions p join path_steps s on s.path_uuid = p.path_uuid left join packed_bodies b on b.uuid = p.body_uuid;
"""


def upgrade() -> None:
    """Add the column, 0 for the paths that are there, and let the view show it. No row is rewritten."""
    op.get_bind().exec_driver_sql(VIEW)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
