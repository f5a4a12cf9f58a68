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
from cargo_ai.records.names import quote
from cargo_ai.store.driver import Connection, execute, fetch, value

MAX_GROUP_SIZE = 1_000
"""A larger group is no thing that came in twice, but a value such as `n/a`."""
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


def fillable_columns(relation: Relation) -> list[Column]:
    """The columns that a merge fills: those that can be written, but not the id."""
    return [column for column in relation.columns if column.writable and column.slug != relation.id_column]


async def find_duplicates(
    connection: Connection, relation: Relation, which: MergeCriteria, *, limit: int, offset: int = 0
) -> DuplicatePage:
    """The groups, the largest first."""
    query = (
        f"{_duplicate_ctes(relation, which)} select (select count(*) filter (where n <= {MAX_GROUP_SIZE}) from grouped), "  # noqa: S608
        f"(select coalesce(sum(n - 1) filter (where n <= {MAX_GROUP_SIZE}), 0) from grouped), "
        f"(select count(*) filter (where n > {MAX_GROUP_SIZE}) from grouped), p.k, t._id "
        f"from (select 1) as one left join (picked as p join keyed on keyed.k = p.k "
        f"join {table_name(relation)} as t on t._id = keyed._id) on true "
        f"order by p.n desc, p.k, {_order(relation, which)}"
    )
    rows = await fetch(connection, query, _params(which) | {"limit": limit, "offset": offset})
    groups: dict[tuple[str, ...], list[str]] = {}
    for *_, found, uid in rows:
        if found is not None:
            groups.setdefault(tuple(found), []).append(uid)
    listed = [DuplicateGroup(found, tuple(uids)) for found, uids in groups.items()]
    return DuplicatePage(listed, int(rows[0][0]), int(rows[0][1]), int(rows[0][2]))


def _duplicate_ctes(relation: Relation, which: MergeCriteria) -> str:
    """The common tables: `keyed` (_id, k), `grouped` (k, n), and of these those that are `picked`."""
    mine = "where t._id = any(%(ids)s)" if which.ids is not None else ""
    return (
        f"with keyed as materialized (select t._id, {_key_expression(which)} as k from {table_name(relation)} as t {mine}), "  # noqa: S608
        "grouped as materialized (select k, count(*) as n from keyed where array_position(k, null) is null "
        "group by k having count(*) > 1), "
        f"paged as (select k, n from grouped where n <= {MAX_GROUP_SIZE} order by n desc, k limit %(limit)s offset %(offset)s), "
        "picked as (select k, n from (select k, n, sum(n) over (order by n desc, k) as records from paged) as p "
        f"where records <= {MAX_RECORDS})"
    )


def _key_expression(which: MergeCriteria) -> str:
    if which.ids is not None:
        return "array['']::text[]"
    return f"array[{', '.join(match_key(matching, f't.{quote(column.slug)}::text') for column, matching in which.by)}]::text[]"


def _params(which: MergeCriteria) -> dict[str, Any]:
    return {"ids": list(which.ids or ()), "survivor": which.survivor}


def _order(relation: Relation, which: MergeCriteria) -> str:
    first = "(t._id = %(survivor)s) desc nulls last, " if which.survivor is not None else ""
    match which.rule:
        case "oldest":
            return f"{first}t._created_at, t._id"
        case "newest":
            return f"{first}t._created_at desc, t._id desc"
        case "mostRecentlyUpdated":
            return f"{first}t._updated_at desc, t._id"
        case "mostComplete":
            filled = " + ".join(f"({_is_filled(f't.{quote(column.slug)}')})::int" for column in fillable_columns(relation)) or "0"
            return f"{first}{filled} desc, t._created_at, t._id"


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


async def merge(
    connection: Connection, relation: Relation, which: MergeCriteria, limit: int, *, uid: uuid.UUID, workspace: uuid.UUID, now: datetime
) -> MergeResult:
    """Make one record of each of the first groups, and write down in `merged_records` what they were. In the caller's transaction."""
    own = table_name(relation)
    params = _params(which) | {"limit": limit, "offset": 0, "uid": uid, "workspace": workspace, "model": relation.model, "now": now}
    await execute(connection, "set local timezone = 'UTC'")
    await execute(connection, "create temp table merge_work (_id text primary key, k text[], n bigint, survivor text) on commit drop")
    work = (
        f"insert into merge_work select t._id, p.k, row_number() over (partition by p.k order by {_order(relation, which)}) "  # noqa: S608
        f"from picked as p join keyed on keyed.k = p.k join {own} as t on t._id = keyed._id"
    )
    counts = f"select count(*) filter (where n <= {MAX_GROUP_SIZE}), count(*) filter (where n > {MAX_GROUP_SIZE}) from grouped"  # noqa: S608
    count, too_large = (await fetch(connection, f"{_duplicate_ctes(relation, which)}, work as ({work}) {counts}", params))[0]
    await fetch(connection, f"select 1 from {own} as t where t._id in (select _id from merge_work) order by t._id for update", params)  # noqa: S608
    # What was changed between the look and the lock is no duplicate any more.
    still = f"select 1 from {own} as t where t._id = w._id and {_key_expression(which)} = w.k"  # noqa: S608
    await execute(connection, f"delete from merge_work as w where not exists ({still})", params)  # noqa: S608
    await execute(connection, "delete from merge_work where k in (select k from merge_work group by k having count(*) = 1)")
    firsts = "select distinct on (k) k, _id from merge_work order by k, n"
    await execute(connection, f"update merge_work as w set survivor = s._id from ({firsts}) as s where s.k = w.k")  # noqa: S608
    groups = int(await value(connection, "select count(distinct k) from merge_work"))
    await _save_originals(connection, relation, params)
    filled = await _fill_survivors(connection, relation, params)
    gone = f"delete from {own} as t using merge_work as w where t._id = w._id and w._id <> w.survivor returning t._id"  # noqa: S608
    removed = [one for (one,) in await fetch(connection, gone)]
    await execute(
        connection,
        "update unified_references as u set record_id = w.survivor from merge_work as w "
        "where u.model_uuid = %(model)s and u.record_id = w._id and w._id <> w.survivor",
        params,
    )
    await execute(connection, "drop table merge_work, merge_fill")
    return MergeResult(groups, int(count) - groups, int(too_large), filled, removed)


async def _save_originals(connection: Connection, relation: Relation, params: dict[str, Any]) -> None:
    """What the survivors get (`merge_fill`), and what all records were."""
    own = table_name(relation)
    firsts = "".join(
        f", (array_agg(t.{name} order by w.n) filter (where {_is_filled(f't.{name}')}))[1] as {name}"
        for name in (quote(column.slug) for column in fillable_columns(relation))
    )
    await execute(
        connection,
        f"create temp table merge_fill on commit drop as select w.survivor as _id{firsts} from merge_work as w "  # noqa: S608
        f"join {own} as t on t._id = w._id group by w.survivor",
    )
    known = "select jsonb_agg(jsonb_build_array(u.reference, u.value)) from unified_references as u "
    known += "where u.model_uuid = %(model)s and u.record_id = t._id"
    changed = (
        "select jsonb_object_agg(e.key, e.value) from jsonb_each(to_jsonb(f)) as e "
        "where e.key <> '_id' and e.value <> 'null' and e.value is distinct from to_jsonb(t) -> e.key"
    )
    await execute(
        connection,
        "insert into merged_records (merge_uuid, record_id, workspace_uuid, survivor_id, before, after) "  # noqa: S608
        f"select %(uid)s, t._id, %(workspace)s, w.survivor, to_jsonb(t) - '_hash' || jsonb_build_object('_references', ({known})), null "
        f"from {own} as t join merge_work as w on w._id = t._id where w._id <> w.survivor "
        f"union all select * from (select %(uid)s, t._id, %(workspace)s, t._id, to_jsonb(t) - '_hash', ({changed}) as after "
        f"from {own} as t join merge_fill as f on f._id = t._id) as kept where after is not null",
        params,
    )


async def _fill_survivors(connection: Connection, relation: Relation, params: dict[str, Any]) -> list[str]:
    sets = "".join(f"{name} = coalesce(f.{name}, t.{name}), " for name in (quote(column.slug) for column in fillable_columns(relation)))
    query = (
        f"update {table_name(relation)} as t set {sets}_updated_at = %(now)s from merge_fill as f, merged_records as m "  # noqa: S608
        "where t._id = f._id and m.merge_uuid = %(uid)s and m.record_id = f._id and m.after is not null returning t._id"
    )
    return [one for (one,) in await fetch(connection, query, params)]


async def set_updated_at(connection: Connection, relation: Relation, uids: Sequence[str], moment: datetime) -> None:
    """Say when these records changed last."""
    query = f"update {table_name(relation)} set _updated_at = %s where _id = any(%s) and _updated_at <> %s"  # noqa: S608
    await execute(connection, query, [moment, list(uids), moment])


async def find_recreated(connection: Connection, relation: Relation, uid: uuid.UUID) -> str | None:
    """The id of a record that a merge removed and that is there nevertheless."""
    query = (
        f"select t._id from {table_name(relation)} as t join merged_records as m on m.record_id = t._id "  # noqa: S608
        "where m.merge_uuid = %s and m.after is null limit 1"
    )
    return await value(connection, query, [uid])


@dataclass(frozen=True, slots=True)
class UndoResult:
    """The ids of records that are back, of survivors that are as they were, and of survivors that were changed since, which keep that."""

    restored: list[str]
    reverted: list[str]
    changed_since: list[str]


async def undo(connection: Connection, relation: Relation, uid: uuid.UUID, merged_at: datetime, now: datetime) -> UndoResult:
    """Take a merge back. psycopg's DataError where a column is of another type now."""
    own = table_name(relation)
    params = {"uid": uid, "merged_at": merged_at, "now": now, "model": relation.model}
    await execute(connection, "set local timezone = 'UTC'")
    names = ", ".join(["_id", *TIMESTAMPS, *(quote(column.slug) for column in relation.stored_columns)])
    restored = [
        one
        for (one,) in await fetch(
            connection,
            f"insert into {own} ({names}) select {names} from merged_records as m, "  # noqa: S608 - names, quoted
            f"lateral jsonb_populate_record(null::{own}, m.before) as r where m.merge_uuid = %(uid)s and m.after is null returning _id",
            params,
        )
    ]
    untouched = f"select t._id, t._updated_at = %(merged_at)s from {own} as t join merged_records as m on m.record_id = t._id "  # noqa: S608
    untouched += "where m.merge_uuid = %(uid)s and m.after is not null order by t._id for update of t"
    found = await fetch(connection, untouched, params)
    sets = "".join(
        f"{quote(column.slug)} = case when m.after -> '{column.slug}' = to_jsonb(t.{quote(column.slug)}) "
        f"then r.{quote(column.slug)} else t.{quote(column.slug)} end, "
        for column in fillable_columns(relation)
    )
    await execute(
        connection,
        f"update {own} as t set {sets}_updated_at = %(now)s from merged_records as m, "  # noqa: S608
        f"lateral jsonb_populate_record(null::{own}, m.before) as r "
        "where m.merge_uuid = %(uid)s and m.after is not null and t._id = m.record_id",
        params,
    )
    await execute(
        connection,
        "update unified_references as u set record_id = m.record_id from merged_records as m, "
        "lateral jsonb_array_elements(case jsonb_typeof(m.before -> '_references') when 'array' then m.before -> '_references' "
        "else '[]' end) as e where m.merge_uuid = %(uid)s and u.model_uuid = %(model)s and u.record_id = m.survivor_id "
        "and u.reference = e ->> 0 and u.value = e ->> 1",
        params,
    )
    return UndoResult(restored, [one for one, same in found if same], [one for one, same in found if not same])


async def restore_updated_at(connection: Connection, relation: Relation, uid: uuid.UUID, uids: Sequence[str]) -> None:
    """Let these records have changed last when they had before the merge."""
    query = (
        f"update {table_name(relation)} as t set _updated_at = (m.before ->> '_updated_at')::timestamptz from merged_records as m "  # noqa: S608
        "where m.merge_uuid = %s and m.record_id = t._id and t._id = any(%s)"
    )
    await execute(connection, query, [uid, list(uids)])
