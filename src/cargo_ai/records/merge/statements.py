"""Find duplicates in a model's table, merge each group into one record, and undo that."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.merge.matching import Matching, match_key
from cargo_ai.records.names import literal, quote, statement
from cargo_ai.store.driver import Connection, execute, fetch, value

MAX_GROUP_SIZE = 1_000
"""A larger group is not a thing that came in twice, but a value such as `n/a`."""
MAX_RECORDS = 10_000
"""At most this many records are listed or merged in one call."""
TIMESTAMPS = ("_emitted_at", "_created_at", "_updated_at")
SurvivorRule = Literal["oldest", "newest", "mostRecentlyUpdated", "mostComplete"]


@dataclass(frozen=True, slots=True)
class MergeCriteria:
    """What makes records duplicates: columns with how each is compared, or ids; and which record survives."""

    by: tuple[tuple[Column, Matching], ...]
    ids: tuple[str, ...] | None = None
    rule: SurvivorRule = "oldest"
    survivor: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statements below bind."""
        return {"ids": list(self.ids or ()), "survivor": self.survivor}

    @property
    def key(self) -> str:
        """The expression, over the record `t`, that duplicates have in common; an item that is null makes it no duplicate."""
        if self.ids is not None:
            return "array['']::text[]"
        return f"array[{', '.join(match_key(matching, f't.{quote(column.slug)}::text') for column, matching in self.by)}]::text[]"

    def order(self, relation: Relation) -> str:
        """The order of the records `t` of a group, the survivor first."""
        first = "(t._id = %(survivor)s) desc nulls last, " if self.survivor is not None else ""
        match self.rule:
            case "oldest":
                return f"{first}t._created_at, t._id"
            case "newest":
                return f"{first}t._created_at desc, t._id desc"
            case "mostRecentlyUpdated":
                return f"{first}t._updated_at desc, t._id"
            case "mostComplete":
                filled = " + ".join(f"({_is_filled(f't.{name}')})::int" for name in _fillable_names(relation)) or "0"
                return f"{first}{filled} desc, t._created_at, t._id"


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Ids of records that are the same thing, the survivor first."""

    key: tuple[str, ...]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DuplicatePage:
    """A page of groups, how many there are, how many records are one too many, and how many groups are too large to be meant."""

    groups: list[DuplicateGroup]
    count: int
    duplicates: int
    too_large: int


# The records with their keys, the groups of more than one, those of this page, and of these as many as may be handled at once.
_DUPLICATES = """
with keyed as materialized (select t._id, $key as k from $table as t $condition),
grouped as materialized (
    select k, count(*) as n from keyed where array_position(k, null) is null group by k having count(*) > 1
),
paged as (select k, n from grouped where n <= $max_group order by n desc, k limit %(limit)s offset %(offset)s),
picked as (
    select k, n from (select k, n, sum(n) over (order by n desc, k) as records from paged) as p where records <= $max_records
)
"""
_FIND = """
$duplicates
select
    (select count(*) filter (where n <= $max_group) from grouped),
    (select coalesce(sum(n - 1) filter (where n <= $max_group), 0) from grouped),
    (select count(*) filter (where n > $max_group) from grouped),
    p.k,
    t._id
from (select 1) as one
left join (picked as p join keyed on keyed.k = p.k join $table as t on t._id = keyed._id) on true
order by p.n desc, p.k, $order
"""


async def find_duplicates(
    connection: Connection, relation: Relation, criteria: MergeCriteria, *, limit: int, offset: int = 0
) -> DuplicatePage:
    """The groups, the largest first."""
    query = _with_duplicates(_FIND, relation, criteria)
    rows = await fetch(connection, query, criteria.parameters | {"limit": limit, "offset": offset})
    ids: dict[tuple[str, ...], list[str]] = {}
    for *_, key, uid in rows:
        if key is not None:
            ids.setdefault(tuple(key), []).append(uid)
    groups = [DuplicateGroup(key, tuple(uids)) for key, uids in ids.items()]
    return DuplicatePage(groups, int(rows[0][0]), int(rows[0][1]), int(rows[0][2]))


def _with_duplicates(template: str, relation: Relation, criteria: MergeCriteria) -> str:
    table = table_name(relation)
    duplicates = statement(
        _DUPLICATES,
        key=criteria.key,
        table=table,
        condition="where t._id = any(%(ids)s)" if criteria.ids is not None else "",
        max_group=str(MAX_GROUP_SIZE),
        max_records=str(MAX_RECORDS),
    )
    order = criteria.order(relation)
    return statement(template, duplicates=duplicates, table=table, order=order, max_group=str(MAX_GROUP_SIZE))


def fillable_columns(relation: Relation) -> list[Column]:
    """The columns that a merge fills: those that can be written, but not the id."""
    return [column for column in relation.columns if column.writable and column.slug != relation.id_column]


def _fillable_names(relation: Relation) -> list[str]:
    return [quote(column.slug) for column in fillable_columns(relation)]


def _is_filled(name: str) -> str:
    return f"{name} is not null and {name}::text not in ('', 'null', '{{}}', '[]', '\"\"')"


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What a merge did: the number of groups, how many are left, how many are too large to be meant, and the ids of the records that were
    filled and of those that are gone."""

    groups: int
    left: int
    too_large: int
    filled: list[str]
    removed: list[str]


_CREATE_WORK = "create temp table merge_work (_id text primary key, k text[], n bigint, survivor text) on commit drop"
_FILL_WORK = """
$duplicates,
work as (
    insert into merge_work
    select t._id, p.k, row_number() over (partition by p.k order by $order)
    from picked as p join keyed on keyed.k = p.k join $table as t on t._id = keyed._id
)
select count(*) filter (where n <= $max_group), count(*) filter (where n > $max_group) from grouped
"""
_LOCK_WORK = "select 1 from $table as t where t._id in (select _id from merge_work) order by t._id for update"
_DROP_CHANGED = "delete from merge_work as w where not exists (select 1 from $table as t where t._id = w._id and $key = w.k)"
_DROP_SINGLE = "delete from merge_work where k in (select k from merge_work group by k having count(*) = 1)"
_SET_SURVIVORS = """
update merge_work as w set survivor = s._id
from (select distinct on (k) k, _id from merge_work order by k, n) as s where s.k = w.k
"""
_REMOVE = "delete from $table as t using merge_work as w where t._id = w._id and w._id <> w.survivor returning t._id"
_MOVE_REFERENCES = """
update unified_references as u set record_id = w.survivor from merge_work as w
where u.model_uuid = %(model)s and u.record_id = w._id and w._id <> w.survivor
"""


async def merge(
    connection: Connection, relation: Relation, criteria: MergeCriteria, limit: int, *, uid: uuid.UUID, workspace: uuid.UUID, now: datetime
) -> MergeResult:
    """Make one record of each of the first groups, and save in `merged_records` what they were. In the caller's transaction."""
    table = table_name(relation)
    params = criteria.parameters | {"limit": limit, "offset": 0, "uid": uid, "workspace": workspace, "model": relation.model, "now": now}
    await execute(connection, "set local timezone = 'UTC'")
    await execute(connection, _CREATE_WORK)
    count, too_large = (await fetch(connection, _with_duplicates(_FILL_WORK, relation, criteria), params))[0]
    await fetch(connection, statement(_LOCK_WORK, table=table), params)
    # What was changed between the look and the lock is not a duplicate any more.
    await execute(connection, statement(_DROP_CHANGED, table=table, key=criteria.key), params)
    await execute(connection, _DROP_SINGLE)
    await execute(connection, _SET_SURVIVORS)
    groups = int(await value(connection, "select count(distinct k) from merge_work"))
    await _save_originals(connection, relation, params)
    filled = await _fill_survivors(connection, relation, params)
    removed = [uid for (uid,) in await fetch(connection, statement(_REMOVE, table=table))]
    await execute(connection, _MOVE_REFERENCES, params)
    await execute(connection, "drop table merge_work, merge_fill")
    return MergeResult(groups, int(count) - groups, int(too_large), filled, removed)


_CREATE_FILL = """
create temp table merge_fill on commit drop as
select w.survivor as _id$first_values from merge_work as w join $table as t on t._id = w._id group by w.survivor
"""
# Of a removed record all of it, with its references; of a survivor what it was, and what is new in it (`after`).
_SAVE_ORIGINALS = """
insert into merged_records (merge_uuid, record_id, workspace_uuid, survivor_id, before, after)
select
    %(uid)s, t._id, %(workspace)s, w.survivor,
    to_jsonb(t) - '_hash' || jsonb_build_object('_references', (
        select jsonb_agg(jsonb_build_array(u.reference, u.value)) from unified_references as u
        where u.model_uuid = %(model)s and u.record_id = t._id
    )),
    null
from $table as t join merge_work as w on w._id = t._id where w._id <> w.survivor
union all
select * from (
    select
        %(uid)s, t._id, %(workspace)s, t._id,
        to_jsonb(t) - '_hash',
        (
            select jsonb_object_agg(e.key, e.value) from jsonb_each(to_jsonb(f)) as e
            where e.key <> '_id' and e.value <> 'null' and e.value is distinct from to_jsonb(t) -> e.key
        ) as after
    from $table as t join merge_fill as f on f._id = t._id
) as survivors where after is not null
"""
_FILL = """
update $table as t set $values _updated_at = %(now)s from merge_fill as f, merged_records as m
where t._id = f._id and m.merge_uuid = %(uid)s and m.record_id = f._id and m.after is not null returning t._id
"""


async def _save_originals(connection: Connection, relation: Relation, params: dict[str, Any]) -> None:
    """What the survivors get (`merge_fill`), and what all records were (`merged_records`)."""
    first_values = "".join(
        f", (array_agg(t.{name} order by w.n) filter (where {_is_filled(f't.{name}')}))[1] as {name}" for name in _fillable_names(relation)
    )
    await execute(connection, statement(_CREATE_FILL, table=table_name(relation), first_values=first_values))
    await execute(connection, statement(_SAVE_ORIGINALS, table=table_name(relation)), params)


async def _fill_survivors(connection: Connection, relation: Relation, params: dict[str, Any]) -> list[str]:
    values = "".join(f"{name} = coalesce(f.{name}, t.{name}), " for name in _fillable_names(relation))
    query = statement(_FILL, table=table_name(relation), values=values)
    return [uid for (uid,) in await fetch(connection, query, params)]


async def set_updated_at(connection: Connection, relation: Relation, uids: Sequence[str], timestamp: datetime) -> None:
    """Say when these records changed last."""
    query = statement("update $table set _updated_at = %s where _id = any(%s) and _updated_at <> %s", table=table_name(relation))
    await execute(connection, query, [timestamp, list(uids), timestamp])


_FIND_RECREATED = """
select t._id from $table as t join merged_records as m on m.record_id = t._id
where m.merge_uuid = %s and m.after is null limit 1
"""


async def find_recreated(connection: Connection, relation: Relation, uid: uuid.UUID) -> str | None:
    """The id of a record that a merge removed and that was created again since."""
    return await value(connection, statement(_FIND_RECREATED, table=table_name(relation)), [uid])


@dataclass(frozen=True, slots=True)
class UndoResult:
    """The ids of records that are back, of survivors that are as they were, and of survivors that were changed since, which keep that."""

    restored: list[str]
    reverted: list[str]
    changed_since: list[str]


_RESTORE = """
insert into $table ($names)
select $names from merged_records as m, lateral jsonb_populate_record(null::$table, m.before) as r
where m.merge_uuid = %(uid)s and m.after is null returning _id
"""
_LOCK_SURVIVORS = """
select t._id, t._updated_at = %(merged_at)s from $table as t join merged_records as m on m.record_id = t._id
where m.merge_uuid = %(uid)s and m.after is not null order by t._id for update of t
"""
_REVERT_SURVIVORS = """
update $table as t set $values _updated_at = %(now)s
from merged_records as m, lateral jsonb_populate_record(null::$table, m.before) as r
where m.merge_uuid = %(uid)s and m.after is not null and t._id = m.record_id
"""
_RETURN_REFERENCES = """
update unified_references as u set record_id = m.record_id
from
    merged_records as m,
    lateral jsonb_array_elements(
        case jsonb_typeof(m.before -> '_references') when 'array' then m.before -> '_references' else '[]' end
    ) as e
where m.merge_uuid = %(uid)s and u.model_uuid = %(model)s and u.record_id = m.survivor_id
and u.reference = e ->> 0 and u.value = e ->> 1
"""


async def undo(connection: Connection, relation: Relation, uid: uuid.UUID, merged_at: datetime, now: datetime) -> UndoResult:
    """Take a merge back. psycopg's DataError where a column is of another type now."""
    table = table_name(relation)
    params = {"uid": uid, "merged_at": merged_at, "now": now, "model": relation.model}
    await execute(connection, "set local timezone = 'UTC'")
    names = ", ".join(["_id", *TIMESTAMPS, *(quote(column.slug) for column in relation.stored_columns)])
    restored = [record for (record,) in await fetch(connection, statement(_RESTORE, table=table, names=names), params)]
    survivors = await fetch(connection, statement(_LOCK_SURVIVORS, table=table), params)
    # A value that the merge put in and that is still there gives way to what was there before.
    values = "".join(
        f"{quote(slug)} = case when m.after -> {literal(slug)} = to_jsonb(t.{quote(slug)}) then r.{quote(slug)} else t.{quote(slug)} end, "
        for slug in (column.slug for column in fillable_columns(relation))
    )
    await execute(connection, statement(_REVERT_SURVIVORS, table=table, values=values), params)
    await execute(connection, _RETURN_REFERENCES, params)
    return UndoResult(restored, [record for record, same in survivors if same], [record for record, same in survivors if not same])


_RESTORE_UPDATED_AT = """
update $table as t set _updated_at = (m.before ->> '_updated_at')::timestamptz from merged_records as m
where m.merge_uuid = %s and m.record_id = t._id and t._id = any(%s)
"""


async def restore_updated_at(connection: Connection, relation: Relation, uid: uuid.UUID, uids: Sequence[str]) -> None:
    """Let these records have changed last when they had before the merge."""
    await execute(connection, statement(_RESTORE_UPDATED_AT, table=table_name(relation)), [uid, list(uids)])
