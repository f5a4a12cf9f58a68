"""Schedules, plays, and who has been enrolled by them."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCHEDULES = """
create table schedules (
    uuid uuid primary key, workspace_uuid uuid not null, kind text not null, owner_uuid uuid not null, name text not null,
    cron text not null, time_zone text not null, payload jsonb not null, anchor timestamptz not null, next_fire_at timestamptz,
    last_fire_at timestamptz, started_uuid uuid, problem text
);
create index schedules_due on schedules (next_fire_at) where next_fire_at is not null;
create index schedules_of_owner on schedules (owner_uuid);
create unique index schedules_once on schedules (kind, owner_uuid, name) where cron = '';
"""
# In the transaction of the write itself, so that no change is without its play; only where a play waits for it. A row without cron happens
# once; one without a time is held until its play is due.
TRIGGERS = """
create function public.cargo_plays_changed() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
    insert into public.schedules (uuid, workspace_uuid, kind, owner_uuid, name, cron, time_zone, payload, anchor, next_fire_at)
    select gen_random_uuid(), p.workspace_uuid, 'playChange', p.uuid, new.payload ->> 'changeUuid', '', 'UTC', new.payload, now(),
        case when p.schedule ->> 'type' in ('realtime', 'watch') then clock_timestamp() end
    from public.plays as p
    where p.segment_uuid = (new.payload ->> 'segmentUuid')::uuid and p.is_enabled and p.deleted_at is null
        and p.schedule ->> 'type' in ('realtime', 'watch', 'cron', 'dependency')
    on conflict do nothing;
    if found then
        perform pg_notify('cargo_schedules', '');
    end if;
    return null;
end
$$;
create trigger plays_changed after insert on events for each row when (new.kind = 'SegmentChanged')
    execute function public.cargo_plays_changed();
"""
PLAYS = """
create table plays (
    uuid uuid primary key, workspace_uuid uuid not null,
    workflow_uuid uuid not null constraint uq_plays_workflow_uuid unique references workflows (uuid),
    user_uuid uuid not null, model_uuid uuid not null, segment_uuid uuid not null constraint uq_plays_segment_uuid unique,
    name text not null, description text,
    change_kinds jsonb not null, run_creation_rule text not null, schedule json, is_enabled boolean not null,
    health_threshold double precision not null, health_alert_actions json not null, folder_uuid uuid,
    created_at timestamptz not null, updated_at timestamptz not null, deleted_at timestamptz
);
create index ix_plays_workspace_uuid on plays (workspace_uuid);
"""
# `cause`: what made a play start the batch; the same cause never starts a second one. `enrolment`: the rule by which its records enter.
ENROLMENTS = """
alter table batches add column cause text, add column enrolment text, add column urgent boolean not null default false,
    add column skipped_count bigint not null default 0;
create unique index batches_by_cause on batches (workflow_uuid, cause) where cause is not null;
create table enrolments (
    workflow_uuid uuid not null, record_id text not null, workspace_uuid uuid not null, run_uuids uuid[] not null, times bigint not null,
    first_ms bigint not null, last_ms bigint not null, primary key (workflow_uuid, record_id)
);
"""


def upgrade() -> None:
    """Create the tables, and give batches what plays need."""
    for script in (SCHEDULES, PLAYS, ENROLMENTS, TRIGGERS):
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
