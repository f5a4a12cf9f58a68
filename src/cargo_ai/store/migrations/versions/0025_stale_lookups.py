"""Computed columns may read lookups: the keys whose looked-up values changed wait in a table until the readers are computed again."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLE = """
create table stale_lookups (
    id bigint generated always as identity,
    workspace_uuid uuid not null,
    model_uuid uuid not null,
    source_uuid uuid not null,
    column_slug text not null,
    key text,
    after_id text not null default '',
    horizon xid8,
    constraint pk_stale_lookups primary key (id)
);
create index stale_lookups_of_model on stale_lookups (model_uuid, id);
create index stale_lookups_of_source on stale_lookups (source_uuid);
"""

# Of very many keys in one statement, one row without a key stands for all.
FUNCTION = """
create function public.cargo_lookup_touched() returns trigger language plpgsql set search_path = pg_catalog as $$
declare
    touched constant text := case tg_op
        when 'INSERT' then format('select %s as key from fresh', tg_argv[3])
        when 'DELETE' then format('select %s as key from former', tg_argv[3])
        else format('select unnest(array[%s, %s]) as key from former as o join fresh as n using (_id) where %s',
            tg_argv[4], tg_argv[5], tg_argv[6]) end;
begin
    execute format(
        'with keys as materialized (select distinct t.key from (%s) as t where t.key is not null limit 10001), '
        'size as (select count(*) > 10000 as large from keys) '
        'insert into public.stale_lookups (workspace_uuid, model_uuid, source_uuid, column_slug, key) '
        'select m.workspace_uuid, m.uuid, %L::uuid, %L, k.key from public.models as m cross join ('
        '    select key from keys where not (select large from size) union all select null where (select large from size)'
        ') as k where m.uuid = %L',
        touched, tg_argv[1], tg_argv[2], tg_argv[0]);
    return null;
end
$$;
"""


def upgrade() -> None:
    """Make the table, and the function that the triggers of models call."""
    op.execute(TABLE)
    op.execute(FUNCTION)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
