"""Failures are counted by node, message and hour; those that are there are noted, and counted when a worker runs."""

from __future__ import annotations

from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

TABLES = """
create table failed_runs (
    workflow_uuid uuid not null, run_uuid uuid not null, workspace_uuid uuid not null,
    constraint pk_failed_runs primary key (workflow_uuid, run_uuid)
);
create table failure_counts (
    scope_uuid uuid not null, hour bigint not null, release_uuid uuid not null, digest uuid not null, workspace_uuid uuid not null,
    node_uuid text, node_slug text, shape text not null, reason text, runs bigint not null, absorbed bigint not null,
    first_ms bigint not null, last_ms bigint not null, latest_run uuid not null,
    constraint pk_failure_counts primary key (scope_uuid, hour, release_uuid, digest)
);
create index failure_counts_of_workspace on failure_counts (workspace_uuid, hour);
insert into failed_runs (workflow_uuid, run_uuid, workspace_uuid)
select r.workflow_uuid, r.uuid, r.workspace_uuid from runs r
where r.uuid in (select x.run_uuid from execution_rows x where x.status <> 'success' and x.status = 'error')
union
select r.workflow_uuid, r.uuid, r.workspace_uuid from runs r where r.rare_status = 'error';
"""


def upgrade() -> None:
    """Create the tables, and note what has failed so far: O(failures)."""
    op.get_bind().exec_driver_sql(TABLES)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
