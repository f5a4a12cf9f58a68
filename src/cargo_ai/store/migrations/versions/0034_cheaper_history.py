"""The history of a changed record costs less: only the values that differ are made into JSON, not the whole record."""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

# As in 0026, but for how the former values are found; `ignored` is read no more.
FUNCTION = """
create or replace function public.cargo_track_changes(
    schema_name text, table_name text, log_name text, columns text[], ignored text[], texts text[]
) returns void language plpgsql set search_path = pg_catalog as $outer$
declare
    own constant text := format('%I.%I', schema_name, table_name);
    log constant text := format('%I.%I', schema_name, log_name);
    tracker constant text := format('%I.%I', schema_name, 'f' || substr(log_name, 2));
    former text;
    one record;
begin
    -- A function takes 100 arguments at most. All that is the same is one entry without a name, which goes.
    select coalesce(string_agg(part, ' || '), $q$'{}'::jsonb$q$) into former from (
        select 'jsonb_build_object(' || string_agg(format(
            $q$case when o.%1$I%2$s is distinct from n.%1$I%2$s then %1$L else '' end,
                case when o.%1$I%2$s is distinct from n.%1$I%2$s then o.%1$I end$q$,
            c.name, case when c.name = any (texts) then '::text' else '' end
        ), ', ') || ')' as part
        from unnest(columns) with ordinality as c (name, at) group by (c.at - 1) / 40
    ) as parts;
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
                    select case when kept and o._id is not null then nullif((%3$s) - '', '{}') end as before
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
    $define$, tracker, log, former, schema_name, log_name);
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
MODELS = """
do $$
declare
    one record;
    columns text[];
    ignored text[];
    texts text[];
begin
    for one in select * from models where deleted_at is null loop
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
"""


def upgrade() -> None:
    """Replace the function, and have all models tracked by the new one."""
    for script in (FUNCTION, MODELS):
        op.get_bind().exec_driver_sql(script.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
