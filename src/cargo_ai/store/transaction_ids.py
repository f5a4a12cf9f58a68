"""Transaction ids that a database stores about itself, made right after it was loaded into another server, whose ids count from elsewhere.

Comparisons ask which writes are newer than what they have seen. In the new server, ids begin low: what is written from now on would look
older than everything that was restored, and be missed. So stored ids are numbered through from the lowest one on, in their order, and the
server's counter is moved past them. Then every restored write is older than every later one, and their order among each other stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

BURNT_AT_ONCE = 50_000

_HELPERS = """
create temp table old_xids (xid xid8 primary key, number int8) on commit drop;
create function pg_temp.xids_of(s pg_snapshot) returns setof xid8 language sql as $$
    select pg_snapshot_xmin(s) union all select pg_snapshot_xmax(s) union all select pg_snapshot_xip(s)
$$;
create function pg_temp.renumbered(x xid8) returns xid8 language sql as $$ select number::text::xid8 from old_xids where xid = x $$;
create function pg_temp.renumbered(s pg_snapshot) returns text language sql as $$
    select concat_ws(':', pg_temp.renumbered(pg_snapshot_xmin(s)), pg_temp.renumbered(pg_snapshot_xmax(s)),
        coalesce((select string_agg(pg_temp.renumbered(x)::text, ',' order by x) from pg_snapshot_xip(s) as x), ''))
$$;
"""
_COLUMNS = """
select c.oid::regclass::text, quote_ident(a.attname), exists (
    select 1 from pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any(i.indkey)
)
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where a.atttypid = 'xid8'::regtype and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p') and not c.relispartition
    and n.nspname !~ '^pg_' order by 1, 2
"""
# 3 is the first id that PostgreSQL gives.
_NUMBER = """
update old_xids as o set number = n.number from (select xid, 2 + row_number() over (order by xid) as number from old_xids) as n
where n.xid = o.xid
"""
# Half of the ids' range: what is unique stays so while rows take each other's former ids.
_AWAY = 2**62
# Each subtransaction that writes takes an id.
_BURN = """
do $$ begin
    create temp table burnt (n int) on commit drop;
    for n in 1 .. {count} loop
        begin insert into burnt values (n); exception when division_by_zero then null; end;
    end loop;
end $$
"""


@dataclass(frozen=True, slots=True)
class StoredSnapshots:
    """Snapshots and ids that are stored as text. `read` gives the ids as xid8; `write` replaces them by `pg_temp.renumbered`."""

    read: str
    write: str


def renumber(url: str, stored: Sequence[StoredSnapshots]) -> int:
    """Make the stored ids right, in one transaction; returns the lowest id that the next transaction can have. Nothing may run meanwhile.

    A server whose ids are beyond all that are stored needs no change.
    """
    with psycopg.connect(url) as connection:
        highest = _renumber(connection, stored)
    with psycopg.connect(url, autocommit=True) as connection:
        while (now := _next_id(connection)) <= highest:
            connection.execute(_BURN.format(count=min(BURNT_AT_ONCE, highest - now + 1)).encode())
    return now


def _renumber(connection: psycopg.Connection[Any], stored: Sequence[StoredSnapshots]) -> int:
    """The highest id that is stored afterwards."""
    connection.execute(_HELPERS.encode())
    columns = [(str(table), str(column), bool(unique)) for table, column, unique in connection.execute(_COLUMNS).fetchall()]
    sources = [f"select {column} from {table} where {column} is not null" for table, column, _ in columns]  # noqa: S608 - names of the catalog
    for source in [*sources, *(texts.read for texts in stored)]:
        collect = f"insert into old_xids (xid) select distinct x from ({source}) as s (x) on conflict do nothing"  # noqa: S608
        connection.execute(collect.encode())
    connection.execute("analyze old_xids")
    (highest,) = connection.execute("select coalesce(max(xid), '0')::text::int8 from old_xids").fetchone() or (0,)
    if highest < _next_id(connection):
        return int(highest)
    connection.execute(_NUMBER.encode())
    for table, column, unique in columns:
        away = f"(number + {_AWAY})" if unique else "number"
        connection.execute(f"update {table} as t set {column} = {away}::text::xid8 from old_xids as o where o.xid = t.{column}".encode())  # noqa: S608
        if unique:
            back = f"update {table} set {column} = ({column}::text::int8 - {_AWAY})::text::xid8 where {column} is not null"  # noqa: S608
            connection.execute(back.encode())
    for texts in stored:
        connection.execute(texts.write.encode())
    (highest,) = connection.execute("select max(number) from old_xids").fetchone() or (0,)
    return int(highest)


def _next_id(connection: psycopg.Connection[Any]) -> int:
    (now,) = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text::int8").fetchone() or (0,)
    return int(now)
