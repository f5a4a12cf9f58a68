"""Change sets: who changed which records, and what stood in them before, so that it can be undone."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# A change set is all that one request, file, batch or run wrote into one model. `records_at`: the `_created_at` of what it added.
TABLES = """
create table change_sets (
    uuid uuid not null constraint pk_change_sets primary key,
    created_at timestamptz not null, updated_at timestamptz not null, workspace_uuid uuid not null, model_uuid uuid not null,
    kind text not null, user_uuid uuid, token_uuid uuid, workflow_uuid uuid, batch_uuid uuid, run_uuid uuid, source text,
    records_at timestamptz not null, undoes_uuid uuid, undone_by_uuid uuid
);
create index ix_change_sets_workspace_uuid on change_sets (workspace_uuid, uuid);
create index ix_change_sets_model_uuid on change_sets (model_uuid, uuid);
create unique index uq_change_sets_batch on change_sets (batch_uuid, model_uuid) where batch_uuid is not null;
create table change_set_writes (
    change_set_uuid uuid not null constraint fk_change_set_writes_change_set_uuid_change_sets
        references change_sets (uuid) on delete cascade,
    xid xid8 not null, workspace_uuid uuid not null, added bigint not null, updated bigint not null, removed bigint not null,
    constraint pk_change_set_writes primary key (change_set_uuid, xid)
);
create index ix_change_set_writes_xid on change_set_writes (xid);
"""
# One function per model, so that its statements are planned once per connection. It logs which records a statement touched, and of those
# that were changed or removed what they were: the former values of the columns that differ, or the whole record.
# `columns`: what users write. `ignored`: stored columns besides. `texts`: those of `columns` whose type is compared as text.
# The setting cargo_ai.writers: {record: [change set, run]} where one transaction has several writers. cargo_ai.history off: keep nothing.
# More than 50,000 records are one entry that says so: to list them costs more than to look at everything.
FUNCTION = """
create function public.cargo_track_changes(
    schema_name text, table_name text, log_name text, columns text[], ignored text[], texts text[]
) returns void language plpgsql set search_path = pg_catalog as $outer$
declare
    own constant text := format('%I.%I', schema_name, table_name);
    log constant text := format('%I.%I', schema_name, log_name);
    tracker constant text := format('%I.%I', schema_name, 'f' || substr(log_name, 2));
    same text;
    one record;
begin
    select string_agg(format(
        'case when o.%1$I%2$s is not distinct from n.%1$I%2$s then %1$L end',
        c.name, case when c.name = any (texts) then '::text' else '' end
    ), ', ') into same from unnest(columns) as c (name);
    select concat_ws(', ', same, string_agg(quote_literal(i.name), ', ')) into same
    from unnest(ignored || array['_id', '_hash', '_emitted_at', '_created_at', '_updated_at']) as i (name);
    execute format($define$
        create or replace function %1$s() returns trigger language plpgsql set search_path = pg_catalog set timezone = 'UTC' as $inner$
        declare
            writers constant jsonb := nullif(current_setting('cargo_ai.writers', true), '')::jsonb;
            kept constant boolean := current_setting('cargo_ai.history', true) is distinct from 'off';
            number bigint;
            many boolean;
        begin
            select count(*) into number from touched;
            many := number > 50000;
            if many then
                insert into %2$s (_id, op) values (null, lower(left(tg_op, 1))::"char");
            end if;
            if tg_op = 'UPDATE' then
                insert into %2$s (_id, op, before, change_set, run)
                select n._id, 'u', b.before, (writers -> n._id ->> 0)::uuid, (writers -> n._id ->> 1)::uuid
                from touched as n left join was as o on o._id = n._id cross join lateral (
                    select case when kept then nullif(to_jsonb(o) - array_remove(array[%3$s]::text[], null), '{}') end as before
                ) as b where not many or b.before is not null;
            elsif tg_op = 'DELETE' and (kept or not many) then
                insert into %2$s (_id, op, before, change_set, run)
                select o._id, 'd', case when kept then to_jsonb(o) - '_hash' end, (writers -> o._id ->> 0)::uuid,
                    (writers -> o._id ->> 1)::uuid
                from touched as o;
            elsif tg_op = 'INSERT' and not many then
                insert into %2$s (_id, op, change_set, run)
                select n._id, 'i', (writers -> n._id ->> 0)::uuid, (writers -> n._id ->> 1)::uuid from touched as n;
            end if;
            if tg_op <> 'UPDATE' and number > 0 then
                perform public.cargo_count_records(%4$L, %5$L, case tg_op when 'INSERT' then number else -number end);
            end if;
            return null;
        end
        $inner$
    $define$, tracker, log, same, schema_name, log_name);
    if exists (
        select from pg_trigger as t join pg_proc as p on p.oid = t.tgfoid
        where t.tgrelid = own::regclass and t.tgname = 'log_update' and p.proname = 'f' || substr(log_name, 2)
    ) then
        return;
    end if;
    for one in
        select * from (values
            ('log_insert', 'insert', 'new table as touched'), ('log_delete', 'delete', 'old table as touched'),
            ('log_update', 'update', 'new table as touched old table as was')
        ) as v (name, event, rows)
    loop
        execute format('drop trigger if exists %I on %s', one.name, own);
        execute format(
            'create trigger %I after %s on %s referencing %s for each statement execute function %s()',
            one.name, one.event, own, one.rows, tracker
        );
    end loop;
end
$outer$;
"""
# Models that are there get the same. Their logs are found by record from now on.
MODELS = """
do $$
declare
    one record;
    columns text[];
    ignored text[];
    texts text[];
begin
    for one in select * from models where deleted_at is null loop
        execute format(
            'alter table %I.%I add column before jsonb, add column change_set uuid, add column run uuid', one.schema_name, one.log_name
        );
        execute format('create index on %I.%I using hash (_id)', one.schema_name, one.log_name);
        select coalesce(array_agg(c.raw ->> 'slug') filter (where c.raw ->> 'kind' in ('original', 'custom')), '{}'),
            coalesce(array_agg(c.raw ->> 'slug') filter (where c.raw ->> 'kind' = 'computed'), '{}'),
            coalesce(array_agg(c.raw ->> 'slug') filter (where c.raw ->> 'type' = 'vector'), '{}')
        into columns, ignored, texts
        from (
            select jsonb_array_elements(one.columns::jsonb) union all select jsonb_array_elements(one.additional_columns::jsonb)
        ) as c (raw);
        perform public.cargo_track_changes(one.schema_name, one.table_name, one.log_name, columns, ignored, texts);
    end loop;
end
$$;
drop function public.cargo_log_touched();
"""


def upgrade() -> None:
    """Create the tables and the function, and have the models that are there tracked."""
    for script in (TABLES, FUNCTION, MODELS):
        op.get_bind().exec_driver_sql(script.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
