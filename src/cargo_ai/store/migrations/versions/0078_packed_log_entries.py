"""What a statement adds or changes in many records costs less to log: 64 packed entries instead of one entry for each record."""

from __future__ import annotations

from alembic import op

revision = "0078"
down_revision = "0076"
branch_labels = None
depends_on = None

# The records of a packed entry, with their former values as an entry of one record has them. Each record has as many texts in `former` as
# there are slugs: null where nothing changed, \x01 where there was nothing before. `wanted`: these records only, null for all.
UNPACK = r"""
create function public.cargo_unpack(ids text[], slugs text[], types text[], former text[], wanted text[])
returns table (_id text, before jsonb)
language plpgsql stable set search_path = pg_catalog set timezone = 'UTC' set datestyle = 'ISO, YMD' as $$
begin
    if wanted is not null and not exists (select from unnest(ids) as i (id) where i.id = any (wanted)) then
        return;
    end if;
    return query select i.id, v.before from unnest(ids) with ordinality as i (id, at) left join (
        select (f.at - 1) / cardinality(slugs) + 1 as at, jsonb_object_agg(c.slug, case
            when f.value = e'\x01' then 'null'
            when c.type = 'boolean' then to_jsonb(f.value::boolean)
            when c.type = 'double precision' then to_jsonb(f.value::double precision)
            when c.type = 'timestamp with time zone' then to_jsonb(f.value::timestamptz)
            when c.type = 'jsonb' then f.value::jsonb
            when starts_with(f.value, e'\x01') then to_jsonb(substr(f.value, 2))
            else to_jsonb(f.value)
        end) as before
        from unnest(former) with ordinality as f (value, at)
        join unnest(slugs, types) with ordinality as c (slug, type, at) on c.at = (f.at - 1) % cardinality(slugs) + 1
        where f.value is not null group by 1
    ) as v on v.at = i.at where wanted is null or i.id = any (wanted);
end
$$;
"""
# As in 0034, but that the triggers pack. Without nested loops: a plan that was made for one record is used for many later on.
FUNCTION = r"""
create or replace function public.cargo_track_changes(
    schema_name text, table_name text, log_name text, columns text[], ignored text[], texts text[]
) returns void language plpgsql set search_path = pg_catalog as $outer$
declare
    own constant text := format('%I.%I', schema_name, table_name);
    log constant text := format('%I.%I', schema_name, log_name);
    tracker constant text := format('%I.%I', schema_name, 'f' || substr(log_name, 2));
    former text;
    packed text;
    types text[];
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
    select array_agg(case when c.name = any (texts) then 'text' else format_type(a.atttypid, null) end order by c.at) into types
    from unnest(columns) with ordinality as c (name, at)
    join pg_attribute as a on a.attrelid = own::regclass and a.attname = c.name;
    -- Only a text may begin with what stands for nothing.
    select 'case when kept then array_agg(case when o._id is not null then array[' || string_agg(format(
        case c.type when 'text' then
            $q$case when o.%1$I%2$s is distinct from n.%1$I%2$s then
                case ascii(o.%1$I%2$s) when 1 then e'\x01' || o.%1$I%2$s else coalesce(o.%1$I%2$s, e'\x01') end end$q$
        else $q$case when o.%1$I is distinct from n.%1$I then coalesce(o.%1$I::text, e'\x01') end$q$ end,
        c.name, case when c.name = any (texts) then '::text' else '' end
    ), ', ' order by c.at) || format('] else array_fill(null::text, array[%s]) end) end', cardinality(columns)) into packed
    from unnest(columns, types) with ordinality as c (name, type, at);
    execute format($define$
        create or replace function %1$s() returns trigger language plpgsql
        set search_path = pg_catalog set timezone = 'UTC' set datestyle = 'ISO, YMD' set enable_nestloop = off as $inner$
        declare
            writers constant jsonb := nullif(current_setting('cargo_ai.writers', true), '')::jsonb;
            kept constant boolean := current_setting('cargo_ai.history', true) is distinct from 'off';
            number bigint;
            many boolean;
            packs boolean;
        begin
            select count(*) into number from touched;
            many := number > 50000;
            packs := writers is null and number between 1000 and 50000;
            if many then
                insert into %2$s (_id, op) values (null, lower(left(tg_op, 1))::"char");
            end if;
            if tg_op = 'UPDATE' then
                -- A packed entry is made in memory.
                if packs and number * (select max(octet_length(w::text)) from (select * from was limit 100) as w) < 67108864 then
                    insert into %2$s (op, bucket, ids, slugs, types, former)
                    select 'u', hashtext(n._id) & 63, array_agg(n._id), %6$L::text[], %7$L::text[], %8$s
                    from touched as n left join was as o on o._id = n._id group by hashtext(n._id) & 63;
                    return null;
                end if;
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
            elsif tg_op = 'INSERT' and packs then
                insert into %2$s (op, bucket, ids)
                select 'i', hashtext(n._id) & 63, array_agg(n._id) from touched as n group by hashtext(n._id) & 63;
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
    $define$, tracker, log, former, schema_name, log_name, columns, types, coalesce(packed, 'null::text[]'));
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
# Models in the bin have their tables, too.
MODELS = """
do $$
declare
    one record;
    columns text[];
    ignored text[];
    texts text[];
begin
    for one in select * from models where to_regclass(format('%I.%I', schema_name, log_name)) is not null loop
        execute format(
            'alter table %I.%I add column bucket smallint, add column ids text[], add column slugs text[], add column types text[], '
            'add column former text[], alter column former set storage external', one.schema_name, one.log_name
        );
        execute format('create index on %I.%I (bucket) where bucket is not null', one.schema_name, one.log_name);
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
    """Give all logs the columns of packed entries, and have all models tracked by the new function."""
    for script in (UNPACK, FUNCTION, MODELS):
        op.get_bind().exec_driver_sql(script.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
