"""Undo: take a change set back, record by record, as far as nothing newer stands in the way."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cargo_ai.records.catalog import Relation
from cargo_ai.records.ddl import bucket_of, log_table_name, run_exclusively, table_name
from cargo_ai.records.history.entries import IS_MINE, MINE, MINE_AMONG, mine_params
from cargo_ai.records.names import quote, statement
from cargo_ai.store.driver import Connection, execute, fetch

MAX_ROW_LOCKS = 10_000
"""More records than this are not locked one by one: the table is."""
MAX_TOUCHED = 1_000
PART_RECORDS = 100_000
"""One statement undoes about this many."""
MAX_ENTRIES_SINCE = 20_000
"""This many of the log's newest entries are looked at for what was written since a large change set."""
Progress = Callable[[float], Awaitable[None]]
"""Hears how much of the work is done, 0 to 1."""
SYSTEM = ("_id", "_emitted_at", "_created_at", "_updated_at")


@dataclass(frozen=True, slots=True)
class Conflict:
    """A record that was changed since, how, and in which columns."""

    record: str
    problem: str
    columns: list[str]


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What an undo does: the number of records that it removes, reverts and restores, and of those in its way, with the first of these."""

    removed: int
    reverted: int
    restored: int
    conflict_count: int
    conflicts: list[Conflict]


# One row per record that the change set wrote. `before`: what is to be put back, the earliest value of each column.
_CREATE_WORK = """
create temp table undo_work on commit drop as
with mine as materialized ($mine),
firsts as (
    select _id, count(*) as n, min(at) as first_at, (array_agg(before order by at))[1] as before,
        (array_agg(op order by at))[1] as first_op, (array_agg(op order by at desc))[1] as last_op
    from mine group by _id
),
merged as (
    select m._id, jsonb_object_agg(e.key, e.value order by m.at desc) as before
    from mine as m join firsts as f on f._id = m._id, jsonb_each(m.before) as e where f.n > 1 and m.before is not null group by m._id
)
select f._id, f.first_at, coalesce(g.before, f.before) as before, null::text as problem, null::text[] as columns,
    case when f.first_op <> 'i' then case when f.last_op = 'd' then 'restore' else 'revert' end
        when f.last_op <> 'd' then 'remove' end as act
from firsts as f left join merged as g on g._id = f._id
"""
# What was added by a statement that logs no single records.
_ADD_BULK = """
insert into undo_work (_id, first_at, act)
select t._id, b.at, 'remove' from $table as t join (
    select min(l.at) as at from $log as l where $is_mine and l._id is null and l.ids is null and l.op = 'i'
) as b on b.at is not null
where t._created_at = %(records_at)s and $among and not exists (select from undo_work as w where w._id = t._id)
"""
# By the index on the transactions, the newest ones first.
_WRITTEN_SINCE = """
with later as (
    select l._id, l.ids from (
        select * from $log as n where n.xid > (select min(x.xid) from change_set_writes as x where x.change_set_uuid = %(uid)s)
        order by n.xid desc limit %(entries)s
    ) as l where not $is_mine and l.op <> 'i'
)
select distinct id from (
    select _id from later where _id is not null union all select unnest(ids) from later where ids is not null
) as i (id) limit %(most)s
"""
_DROP_NOTHING = "delete from undo_work where act is null"
_LOCK_ROWS = "select 1 from $table as t where t._id in (select _id from undo_work) order by t._id for update"
_DROP_GONE = "delete from undo_work as w where w.act = 'remove' and not exists (select from $table as t where t._id = w._id)"
_FIND_REMOVED = """
update undo_work as w set problem = 'was removed since' where w.act = 'revert' and not exists (select from $table as t where t._id = w._id)
"""
_FIND_RECREATED = """
update undo_work as w set problem = 'is there again' where w.act = 'restore' and exists (select from $table as t where t._id = w._id)
"""
_FIND_NOT_KEPT = "update undo_work set problem = 'was removed for good' where act = 'restore' and before is null"
# An entry of this kind says that the former values of the record were erased.
_FIND_ERASED = """
update undo_work as w set problem = 'was forgotten since'
where exists (select from $log as l where l._id = w._id and l.op = 'f' and l.at >= w.first_at)
"""
# A column stands in the way when others have written it since and it is not what the change set had left in it.
_FIND_CHANGED = """
with written as (
    select l._id, l.at, l.before from undo_work as w join $log as l on l._id = w._id and l.at > w.first_at and not ($is_mine)
    where w.problem is null and w.act <> 'restore' and l.before is not null
    union all
    select w._id, l.at, e.before from $log as l cross join lateral public.cargo_unpack(l.ids, l.slugs, l.types, l.former, null) as e
        join undo_work as w on w._id = e._id and l.at > w.first_at
    where l.bucket is not null and l.bucket in (select $bucket from undo_work as w) and l.former is not null and not ($is_mine)
        and l.at > (select min(first_at) from undo_work) and w.problem is null and w.act <> 'restore' and e.before is not null
),
later as (
    select l._id, jsonb_object_agg(e.key, e.value order by l.at desc) as left_behind
    from written as l cross join lateral jsonb_each(l.before) as e group by l._id
),
conflicts as (
    select w._id, array_agg(e.key order by e.key) as columns
    from undo_work as w join later as v on v._id = w._id join $table as t on t._id = w._id
        cross join lateral (select to_jsonb(t) as present offset 0) as p cross join lateral jsonb_each(v.left_behind) as e
    where e.key = any(%(columns)s) and (w.act = 'remove' or w.before ? e.key) and e.value is distinct from p.present -> e.key
    group by w._id
)
update undo_work as w set problem = 'was changed since', columns = c.columns from conflicts as c where c._id = w._id
"""
_COUNTS = """
select count(*) filter (where act = 'remove' and problem is null), count(*) filter (where act = 'revert' and problem is null),
    count(*) filter (where act = 'restore' and problem is null), count(*) filter (where problem is not null) from undo_work
"""
_CONFLICTS = "select _id, problem, coalesce(columns, '{}') from undo_work where problem is not null order by _id limit %s"


async def written_since(connection: Connection, relation: Relation, uid: uuid.UUID, records_at: datetime, most: int) -> list[str]:
    """Records that were written after a change set had begun, by others, at most `most` of them: some of them may be in its way."""
    query = statement(_WRITTEN_SINCE, log=log_table_name(relation), is_mine=IS_MINE)
    rows = await fetch(connection, query, mine_params(uid, records_at) | {"entries": MAX_ENTRIES_SINCE, "most": most})
    return [record for (record,) in rows]


async def plan(
    connection: Connection,
    relation: Relation,
    uid: uuid.UUID,
    records_at: datetime,
    *,
    locks: bool,
    most_conflicts: int,
    among: Sequence[str] | None = None,
) -> UndoPlan:
    """Find what undoing a change set would do, and keep it in `undo_work` for `apply`, in the connection's transaction. `locks`: keep the
    records as they are until its end; `among`: look at these only. TableBusy when they cannot be had."""
    parts = {"table": table_name(relation), "log": log_table_name(relation), "is_mine": IS_MINE, "bucket": bucket_of("w._id")}
    parts |= {"bucket_of_id": bucket_of("i.id"), "among": "true" if among is None else "t._id = any(%(among)s)"}
    params: dict[str, Any] = mine_params(uid, records_at) | {"columns": [column.slug for column in relation.columns if column.writable]}
    params["among"] = None if among is None else list(among)
    await execute(connection, "set local timezone = 'UTC'")
    # Of an attempt in this transaction to which the table was not free.
    await execute(connection, "drop table if exists undo_work")
    await execute(connection, statement(_CREATE_WORK, mine=statement(MINE if among is None else MINE_AMONG, **parts)), params)
    await execute(connection, statement(_ADD_BULK, **parts), params)
    await execute(connection, _DROP_NOTHING)
    await execute(connection, "analyze undo_work")
    if locks:
        count = int((await fetch(connection, "select count(*) from undo_work"))[0][0])
        if count > MAX_ROW_LOCKS:
            await run_exclusively(connection, [f"lock table {table_name(relation)} in share row exclusive mode"])
        else:
            await fetch(connection, statement(_LOCK_ROWS, **parts))
    for find in (_DROP_GONE, _FIND_REMOVED, _FIND_RECREATED, _FIND_NOT_KEPT, _FIND_ERASED, _FIND_CHANGED):
        await execute(connection, statement(find, **parts), params)
    removed, reverted, restored, conflict_count = (await fetch(connection, _COUNTS))[0]
    conflicts = [Conflict(*row) for row in await fetch(connection, _CONFLICTS, [most_conflicts])] if conflict_count else []
    return UndoPlan(removed, reverted, restored, conflict_count, conflicts)


# Part by part in the order of the work's pages, so that it can be said how far it is.
_PART = "w.problem is null and w.ctid >= %(first)s::tid and w.ctid < %(after)s::tid"
_REMOVE = "delete from $table as t using undo_work as w where t._id = w._id and w.act = 'remove' and $part"
_REVERT = """
update $table as t set $values _updated_at = %(now)s
from undo_work as w cross join lateral jsonb_populate_record(null::$table, w.before) as r
where t._id = w._id and w.act = 'revert' and $part
"""
_RESTORE = """
insert into $table ($names) select $picked from undo_work as w cross join lateral jsonb_populate_record(null::$table, w.before) as r
where w.act = 'restore' and $part
"""
_SIZE = "select count(*), pg_relation_size('undo_work') / current_setting('block_size')::bigint from undo_work"
_TOUCHED = "select _id from undo_work where act <> 'remove' and problem is null limit %s"


async def apply(connection: Connection, relation: Relation, now: datetime, progress: Progress | None = None) -> list[str] | None:
    """Carry out the plan of this transaction. Returns the records that were reverted or restored, None where they are more than a thousand.
    psycopg's DataError where a column is of another type now. `progress` hears of each part of a large plan."""
    table = table_name(relation)
    columns = [column.slug for column in relation.columns if column.writable and column.slug != relation.id_column]
    values = "".join(f"{quote(slug)} = case when w.before ? '{slug}' then r.{quote(slug)} else t.{quote(slug)} end, " for slug in columns)
    names = [*SYSTEM, *(quote(column.slug) for column in relation.stored_columns)]
    parts = {"table": table, "part": _PART, "values": values, "names": ", ".join(names), "picked": ", ".join(f"r.{name}" for name in names)}
    count, pages = (await fetch(connection, _SIZE))[0]
    step = max(1, int(pages) * PART_RECORDS // max(int(count), 1))
    for first in range(0, int(pages), step):
        values_of_part = {"now": now, "first": f"({first},0)", "after": f"({first + step},0)"}
        for act in (_REMOVE, _REVERT, _RESTORE):
            await execute(connection, statement(act, **parts), values_of_part)
        if progress is not None:
            await progress(min(1.0, (first + step) / int(pages)))
    touched: Sequence[tuple[str]] = await fetch(connection, _TOUCHED, [MAX_TOUCHED + 1])
    await execute(connection, "drop table undo_work")
    return None if len(touched) > MAX_TOUCHED else [uid for (uid,) in touched]
