"""A journal of millions: indexes by which lists, counts and filters read what they show, and updates of runs that write no index."""

from __future__ import annotations

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

# A run that ends well keeps null here: no indexed column of its row changes then, so that its update touches no index (HOT).
RARE_STATUS = """
alter table runs add column rare_status text;
update runs set rare_status = status where status not in ('pending', 'success');
create index runs_rare on runs (workspace_uuid, rare_status, uuid) where rare_status is not null;
create index runs_rare_of_workflow on runs (workflow_uuid, rare_status, uuid) where rare_status is not null;
"""
INDEXES = """
create index runs_of_workspace on runs (workspace_uuid, uuid);
create index runs_by_text on runs using gin ((record_title || ' ' || record_id) gin_trgm_ops) with (gin_pending_list_limit = 512);
create index runs_by_update on runs using brin (updated_ms) with (autosummarize = on, pages_per_range = 32);
create index executions_failed on executions (workspace_uuid, node_slug, run_uuid) where status <> 'success';
create index executions_by_start on executions using brin (started_ms) with (autosummarize = on, pages_per_range = 32);
create index shards_unfinished on shards (workspace_uuid) where state <> 'done';
create index batches_of_workspace on batches (workspace_uuid, uuid);
drop index batches_unfinished;
create index batches_unfinished on batches (workspace_uuid, uuid) where finished_ms is null;
"""
# Half of each page is left for the second version of its runs.
PARTITIONS = """
do $$
declare
    part regclass;
    source text := pg_get_functiondef('cargo_month_partitions(int)'::regprocedure);
begin
    execute replace(source, 'fillfactor = 80', 'fillfactor = 50');
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'runs'::regclass loop
        execute format('alter table %s set (fillfactor = 50)', part);
    end loop;
end $$;
"""


def upgrade() -> None:
    """Add the column, build the indexes, and leave room for updates in new pages."""
    for script in (RARE_STATUS, INDEXES, PARTITIONS):
        # The driver reads % as a placeholder in scripts without parameters, too.
        op.get_bind().exec_driver_sql(script.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
