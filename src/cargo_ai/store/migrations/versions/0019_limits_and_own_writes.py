"""How many runs of a shard may go at once, what plays have written themselves, and items of groups as records of their own."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# `width`: null where the server knows no limit.
SHARDS = "alter table shards add column width int"
# One row for a record that runs of one workflow, and nobody else, have written in a transaction. `at`: milliseconds since 1970.
OWN_WRITES = """
create table own_writes (
    workflow_uuid uuid not null, model_uuid uuid not null, xid xid8 not null, record_id text not null, workspace_uuid uuid not null,
    at bigint not null, primary key (workflow_uuid, model_uuid, xid, record_id)
);
create index own_writes_at on own_writes (at);
"""
# `since`: what the comparison before had seen, as a snapshot; `own`: only runs of the play that has the segment have written the record.
CHANGES = """
alter table segment_changes add column since text;
alter table segment_change_records add column own boolean not null default false;
"""
# The latest run of a record is one look into the index.
INDEX = """
drop index runs_of_record;
create index runs_of_record on runs (workflow_uuid, record_id, uuid);
"""
MINE = "(select l.workspace_uuid from journal.logins l where l.role = session_user)"
MOMENT = "to_timestamp({0} / 1000.0)"
NAMES = "r.workspace_uuid, r.workflow_uuid, r.user_uuid, r.release_uuid, r.batch_uuid, r.trace_uuid"
OF_RUN = f"""
    case when r.status = 'pending' and s.state = 'running' then 'running' else r.status end as status, r.error_message,
    r.credits as credits_used_count, r.parent_uuid as parent_run_uuid, r.parent_node_uuid, r.parent_batch_uuid, r.parent_agent_uuid,
    r.parent_chat_uuid, r.parent_message_uuid, r.is_group_parent, {MOMENT.format("r.created_ms")} as created_at,
    {MOMENT.format("r.updated_ms")} as updated_at, {MOMENT.format("r.finished_ms")} as finished_at
"""
# As 0013 has it, but for items of groups: each is a record of its own, and all of the record's last time through are shown.
RECORDS = f"""
create or replace view journal.records with (security_barrier) as
select r.record_id as id, r.record_title as title, r.uuid as run_uuid, {NAMES}, {OF_RUN}
from runs r left join shards s on s.uuid = r.shard_uuid
where r.workspace_uuid = {MINE} and r.status <> 'skipped' and not exists (
    select from runs n where n.workflow_uuid = r.workflow_uuid and n.record_id = case when r.parent_uuid is null then r.record_id end
        and n.parent_uuid is null and n.uuid > r.uuid and n.status <> 'skipped'
) and (
    r.parent_uuid is null or r.trace_uuid = (
        select n.trace_uuid from runs n where n.workflow_uuid = r.workflow_uuid and n.record_id = r.record_id and n.status <> 'skipped'
        order by n.uuid desc limit 1
    ) and not exists (
        select from fanouts m join fanouts l on l.run_uuid = m.run_uuid and l.node_uuid = m.node_uuid
            join runs n on n.fanout_uuid = l.uuid and n.uuid between l.first_run and l.last_run and n.item = r.item
        where m.uuid = r.fanout_uuid and (l.visit, l.attempt) > (m.visit, m.attempt)
    )
);
"""  # noqa: S608 - put together from our own texts


def upgrade() -> None:
    """Add the columns and the table, and tell items of groups apart."""
    for script in (SHARDS, OWN_WRITES, CHANGES, INDEX):
        op.execute(script)
    op.get_bind().exec_driver_sql(RECORDS)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
