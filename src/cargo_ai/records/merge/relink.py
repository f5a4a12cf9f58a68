"""Relink records after a merge: foreign keys to removed records lead to the survivors, and back when the merge is undone."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cargo_ai.records.catalog import SYSTEM_COLUMNS, Catalog, Column, Link, Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import literal, quote, statement
from cargo_ai.store.driver import Connection, execute, fetch

PAGE_SIZE = 1_000
_JSON = frozenset({"object", "any"})


@dataclass(frozen=True, slots=True)
class ColumnPath:
    """A column, or a property of a column of JSON."""

    column: Column
    property_slug: str | None = None

    @property
    def type(self) -> str:
        """The type of its values."""
        return self.column.type if self.property_slug is None else "property"

    def native(self, alias: str) -> str:
        """Its value as an expression; of a property, as text."""
        name = f"{alias}.{quote(self.column.slug)}"
        return name if self.property_slug is None else f"({name} ->> {self._key})"

    def text(self, alias: str) -> str:
        """Its value as text."""
        native = self.native(alias)
        return f"({native} #>> '{{}}')" if self.type == "any" else f"{native}::text"

    def json(self, alias: str) -> str:
        """Its value as JSON."""
        name = f"{alias}.{quote(self.column.slug)}"
        return f"to_jsonb({name})" if self.property_slug is None else f"({name} -> {self._key})"

    def replace(self, alias: str, table: str, value: str) -> str:
        """The new value of the whole column, of `table`, when the JSON expression `value` is put here."""
        name = quote(self.column.slug)
        if self.property_slug is not None:
            return f"jsonb_set({alias}.{name}, array[{self._key}], {value})"
        # The database converts JSON to the column's type.
        return f"(jsonb_populate_record(null::{table}, jsonb_build_object({literal(self.column.slug)}, {value}))).{name}"

    @property
    def _key(self) -> str:
        return literal(self.property_slug or "").replace("%", "%%")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Records of `relation` lead by `path` to the record of the merged model that has the same value at `target`."""

    relation: Relation
    path: ColumnPath
    target: ColumnPath

    @property
    def parameters(self) -> dict[str, Any]:
        """What identifies it in `merged_references`."""
        return {"model": self.relation.model, "column": self.path.column.slug, "property": self.path.property_slug or ""}


@dataclass(frozen=True, slots=True)
class RelinkResult:
    """How many records of a model lead elsewhere by a foreign key, and the ids of the first thousand."""

    foreign_key: ForeignKey
    count: int
    ids: list[str]


def foreign_keys_to(catalog: Catalog, relation: Relation) -> list[ForeignKey]:
    """What leads to records of a model, as its relationships say; ids are never changed, nor is what is computed."""
    keys: dict[tuple[uuid.UUID, str, str | None], ForeignKey] = {}
    for key in (key for link in catalog.links for key in _foreign_keys_of(catalog, relation, link)):
        place = (key.relation.model, key.path.column.slug, key.path.property_slug)
        # A column may be related to the id and to something else: the id decides.
        if place not in keys or _is_id(relation, key.target):
            keys[place] = key
    return list(keys.values())


def _foreign_keys_of(catalog: Catalog, relation: Relation, link: Link) -> Iterable[ForeignKey]:
    """The foreign keys to a model that one relationship gives: of its one end, or of its other."""
    start, end = (link.from_model, *link.start), (link.to_model, *link.end)
    for (model, slug, inner), (target_model, target_slug, target_inner), leading in ((start, end, "manyToOne"), (end, start, "oneToMany")):
        if target_model != relation.model:
            continue
        referring, target = catalog.by_model(model), relation.column(target_slug)
        column = referring.column(slug) if referring else None
        if referring is None or column is None or target is None or not (target.stored or target.slug in SYSTEM_COLUMNS):
            continue
        path = ColumnPath(target, target_inner)
        # Of two ends that are alike (one to one) neither leads to the other, unless one is an id.
        if (link.relation == leading or _is_id(relation, path)) and column.writable and column.slug != referring.id_column:
            yield ForeignKey(referring, ColumnPath(column, inner), path)


def _is_id(relation: Relation, path: ColumnPath) -> bool:
    return path.property_slug is None and path.column.slug in {"_id", relation.id_column}


# A merge makes one record of each group. What follows finds, for one foreign key, the values that lead to a record which goes (`old`)
# and those that lead to its survivor (`new`): the common table `moved`. `members` are the records of the groups, survivors with n = 1;
# `keyed` are the same with their values at the foreign key's target, as they are (v) and as text (t).
_MOVED = """
with members as materialized ($members),
keyed as materialized ($keyed),
survivors as (
    select grp, (array_agg(v order by n) filter (where $survives))[1] as v, (array_agg(t order by n) filter (where $survives))[1] as t
    from keyed group by grp
),
$holders
moved as materialized (
    select min(k.grp) as grp, k.v as old, (array_agg(s.v))[1] as new, min(k.t) as old_text, min(s.t) as new_text
    from keyed as k join survivors as s on s.grp = k.grp
    where k.n > 1 and k.t <> '' and s.t <> '' and k.v <> s.v $unambiguous
    group by k.v having count(distinct k.grp) = 1
)
"""

# All records with such a value: where one outside of the group has it, too, it does not say which record is meant.
_HOLDERS = """
holders as materialized (
    select $value as v, g.grp from $table as x left join members as g on g._id = x._id where $value in (select v from keyed)
),
"""
_UNAMBIGUOUS = """
and not exists (select 1 from holders as h where h.v = k.v and h.grp is distinct from k.grp)
and not exists (select 1 from holders as h where h.v = s.v and h.grp is distinct from k.grp)
"""

_MEMBERS_GIVEN = "select * from unnest(%(groups)s::int[]::text[], %(ids)s::text[], %(places)s::int[]) as g (grp, _id, n)"
_KEYED_PRESENT = "select g.*, $value as v, $text as t from members as g join $table as t using (_id)"
_COUNT_MOVED = """
$moved
select m.grp, count(*) from moved as m join $referring as o on $matches where $fits $remains group by m.grp
"""
# Where a model leads to itself, the records that go are not counted.
_REMAINS = "and not exists (select 1 from members as g where g.grp = m.grp and g.n > 1 and g._id = o._id)"

_MEMBERS_MERGED = """
select survivor_id as grp, record_id as _id, 2 as n from merged_records where merge_uuid = %(uid)s and after is null
union select survivor_id, survivor_id, 1 from merged_records where merge_uuid = %(uid)s
"""
# Survivors are in the table; those that are gone are in `merged_records` as they were.
_KEYED_MERGED = """
select g.*, $value as v, $text as t from members as g join $table as t on t._id = g._id where g.n = 1
union all
select g.*, $value as v, $text as t from members as g
join merged_records as m on m.merge_uuid = %(uid)s and m.record_id = g._id and m.after is null,
lateral jsonb_populate_record(null::$table, m.before) as t where g.n > 1
"""
_SAVE_MOVED = """
$moved,
found as (
    select o._id, o._updated_at, $before as before, $after as after
    from moved as m join $referring as o on $matches where $fits for update of o
)
insert into merged_references
    (merge_uuid, workspace_uuid, model_uuid, column_slug, property_slug, record_id, before, after, record_updated_at)
select %(uid)s, %(workspace)s, %(model)s, %(column)s, %(property)s, _id, before, after, _updated_at from found
on conflict do nothing
"""

_WRITE = """
with done as (
    update $table as o set $column = $value, _updated_at = $updated_at from merged_references as r
    where r.merge_uuid = %(uid)s and r.model_uuid = %(model)s and r.column_slug = %(column)s and r.property_slug = %(property)s
    and r.record_id = o._id and $condition
    returning o._id
)
select count(*), coalesce(array_agg(_id) filter (where n <= $page_size), '{}')
from (select _id, row_number() over () as n from done) as d
"""


async def count_relinked(
    connection: Connection, relation: Relation, foreign_keys: Sequence[ForeignKey], groups: Sequence[Sequence[str]]
) -> list[list[tuple[ForeignKey, int]]]:
    """For each group of ids, the survivor first, how many records would lead elsewhere if it alone were merged."""
    counts: list[list[tuple[ForeignKey, int]]] = [[] for _ in groups]
    members = [(number, uid, place) for number, uids in enumerate(groups) for place, uid in enumerate(uids, 1)]
    if not members:
        return counts
    numbers, uids, places = (list(values) for values in zip(*members, strict=True))
    parameters = {"groups": numbers, "ids": uids, "places": places}
    for key in foreign_keys:
        # A merge fills empty columns of the survivor, but never its id: the survivor will have the first value of the group.
        is_filled = key.target.column.writable and key.target.column.slug != relation.id_column
        query = statement(
            _COUNT_MOVED,
            moved=_moved(relation, key, _MEMBERS_GIVEN, _KEYED_PRESENT, is_filled=is_filled),
            referring=table_name(key.relation),
            matches=_matches(key),
            fits=_fits(key),
            remains=_REMAINS if key.relation.model == relation.model else "",
        )
        for number, count in await fetch(connection, query, parameters):
            counts[int(number)].append((key, int(count)))
    return counts


async def relink(
    connection: Connection, relation: Relation, foreign_keys: Sequence[ForeignKey], *, uid: uuid.UUID, workspace: uuid.UUID, now: datetime
) -> list[RelinkResult]:
    """After a merge, let what led to its removed records lead to the survivors, and save in `merged_references` what it was."""
    parameters: dict[str, Any] = {"uid": uid, "workspace": workspace, "now": now}
    for key in foreign_keys:
        query = statement(
            _SAVE_MOVED,
            moved=_moved(relation, key, _MEMBERS_MERGED, _KEYED_MERGED, is_filled=False),
            before=key.path.json("o"),
            after=_new_value(key),
            referring=table_name(key.relation),
            matches=_matches(key),
            fits=_fits(key),
        )
        await execute(connection, query, parameters | key.parameters)
    results = [await _write(connection, key, "r.after", "%(now)s", "true", parameters) for key in foreign_keys]
    return [result for result in results if result.count]


def _moved(relation: Relation, key: ForeignKey, members: str, keyed: str, *, is_filled: bool) -> str:
    """The common table `moved`. `is_filled`: the survivor gets the first value of its group where it has none."""
    table, is_id = table_name(relation), _is_id(relation, key.target)
    return statement(
        _MOVED,
        members=members,
        keyed=statement(keyed, value=key.target.native("t"), text=key.target.text("t"), table=table),
        survives="t <> ''" if is_filled else "n = 1",
        # No two records have the same id.
        holders="" if is_id else statement(_HOLDERS, value=key.target.native("x"), table=table),
        unambiguous="" if is_id else _UNAMBIGUOUS,
    )


def _matches(key: ForeignKey) -> str:
    if key.path.type == key.target.type:
        return f"{key.path.native('o')} = m.old"
    return f"{key.path.text('o')} = m.old_text"


_IS_NUMBER = "m.new_text ~ '^-?[0-9]{1,300}(\\.[0-9]{1,300})?$'"


def _new_value(key: ForeignKey) -> str:
    """The new value as JSON: in JSON, a number stays one."""
    if key.path.type == key.target.type and key.path.property_slug is None:
        return "to_jsonb(m.new)"
    if key.path.type == "number":
        return "to_jsonb(m.new_text::double precision)"
    if key.path.type == "string":
        return "to_jsonb(m.new_text)"
    is_number = f"jsonb_typeof({key.path.json('o')}) = 'number' and {_IS_NUMBER}"
    return f"case when {is_number} then to_jsonb(m.new_text::numeric) else to_jsonb(m.new_text) end"


def _fits(key: ForeignKey) -> str:
    """Whether the new value goes into the column."""
    if key.path.type == key.target.type or key.path.type in {"string", "property", "any"}:
        return "true"
    return _IS_NUMBER if key.path.type == "number" else "false"


async def _write(
    connection: Connection, key: ForeignKey, value: str, updated_at: str, condition: str, parameters: dict[str, Any]
) -> RelinkResult:
    """Put `value`, JSON of the row `r` of `merged_references`, into the records that this names."""
    table = table_name(key.relation)
    query = statement(
        _WRITE,
        table=table,
        column=quote(key.path.column.slug),
        value=key.path.replace("o", table, value),
        updated_at=updated_at,
        condition=condition,
        page_size=str(PAGE_SIZE),
    )
    count, uids = (await fetch(connection, query, parameters | key.parameters))[0]
    return RelinkResult(key, int(count), list(uids))


async def relinked_foreign_keys(connection: Connection, catalog: Catalog, uid: uuid.UUID) -> list[ForeignKey]:
    """What a merge has let lead elsewhere, as far as model and column still exist. Their `target` is of no use."""
    query = "select distinct model_uuid, column_slug, property_slug from merged_references where merge_uuid = %s order by 1, 2, 3"
    keys: list[ForeignKey] = []
    for model, slug, inner in await fetch(connection, query, [uid]):
        referring = catalog.by_model(model)
        column = referring.column(slug) if referring else None
        if referring is not None and column is not None and column.writable and (not inner or column.type in _JSON):
            keys.append(ForeignKey(referring, ColumnPath(column, inner or None), ColumnPath(SYSTEM_COLUMNS["_id"])))
    return keys


async def undo(
    connection: Connection, foreign_keys: Sequence[ForeignKey], *, uid: uuid.UUID, merged_at: datetime, now: datetime
) -> list[RelinkResult]:
    """Let everything lead where it did before the merge, unless it was changed since. psycopg's DataError where a column is of another
    type now."""
    await execute(connection, "set local timezone = 'UTC'")
    # A record that was not written since the merge changed last when it had before it; of two columns the first one says so.
    updated_at = "case when o._updated_at in (%(merged_at)s, r.record_updated_at) then r.record_updated_at else %(now)s end"
    parameters = {"uid": uid, "merged_at": merged_at, "now": now}
    results = [await _write(connection, key, "r.before", updated_at, f"{key.path.json('o')} = r.after", parameters) for key in foreign_keys]
    return [result for result in results if result.count]


_RELINKED_RECORDS = """
select distinct r.record_id, o._updated_at from merged_references as r join $table as o on o._id = r.record_id
where r.merge_uuid = %s and r.model_uuid = %s and r.record_id > %s order by 1 limit $page_size
"""
_SET_UPDATED_AT = """
update $table as o set _updated_at = s.at from unnest(%s::text[], %s::timestamptz[]) as s (_id, at)
where o._id = s._id and o._updated_at <> s.at
"""


async def relinked_records(connection: Connection, relation: Relation, uid: uuid.UUID) -> AsyncGenerator[list[tuple[str, datetime]]]:
    """The records of a model that a merge has let lead elsewhere, with when they changed last, a thousand at a time."""
    last = ""
    query = statement(_RELINKED_RECORDS, table=table_name(relation), page_size=str(PAGE_SIZE))
    while rows := await fetch(connection, query, [uid, relation.model, last]):
        yield [(str(record), updated_at) for record, updated_at in rows]
        last = str(rows[-1][0])


async def set_updated_at(connection: Connection, relation: Relation, timestamps: Sequence[tuple[str, datetime]]) -> None:
    """Say when each of these records changed last."""
    query = statement(_SET_UPDATED_AT, table=table_name(relation))
    await execute(connection, query, [[uid for uid, _ in timestamps], [updated_at for _, updated_at in timestamps]])
