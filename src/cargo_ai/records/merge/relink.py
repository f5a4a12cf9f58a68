"""Repointing: what led to records that a merge has removed leads to their survivors, and back when the merge is undone."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cargo_ai.records.catalog import SYSTEM_COLUMNS, Catalog, Column, Link, Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import quote
from cargo_ai.store.driver import Connection, execute, fetch

PAGE_SIZE = 1_000
_JSON = frozenset({"object", "any"})


@dataclass(frozen=True, slots=True)
class ColumnPath:
    """A column, or a property of a column of JSON."""

    column: Column
    inner: str | None = None

    @property
    def kind(self) -> str:
        """The type of its values."""
        return self.column.type if self.inner is None else "property"

    def native(self, alias: str) -> str:
        """Its value as an expression; of a property, as text."""
        name = f"{alias}.{quote(self.column.slug)}"
        return name if self.inner is None else f"({name} ->> {_literal(self.inner)})"

    def text(self, alias: str) -> str:
        """Its value as text."""
        native = self.native(alias)
        return f"({native} #>> '{{}}')" if self.kind == "any" else f"{native}::text"

    def json(self, alias: str) -> str:
        """Its value as JSON."""
        name = f"{alias}.{quote(self.column.slug)}"
        return f"to_jsonb({name})" if self.inner is None else f"({name} -> {_literal(self.inner)})"

    def put(self, alias: str, own: str, value: str) -> str:
        """The column's new value, of the table `own`, with the JSON expression in this place."""
        if self.inner is not None:
            return f"jsonb_set({alias}.{quote(self.column.slug)}, array[{_literal(self.inner)}], {value})"
        made = f"jsonb_build_object({_literal(self.column.slug)}, {value})"
        return f"(jsonb_populate_record(null::{own}, {made})).{quote(self.column.slug)}"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Records of `relation` lead by `place` to the record of the merged model that has the same value at `key`."""

    relation: Relation
    place: ColumnPath
    key: ColumnPath


def foreign_keys_to(catalog: Catalog, relation: Relation) -> list[ForeignKey]:
    """What leads to records of a model, as its relationships say; ids are never changed, nor is what is computed."""
    found: dict[tuple[uuid.UUID, str, str | None], ForeignKey] = {}
    for one in (reference for link in catalog.links for reference in _of(catalog, relation, link)):
        place = (one.relation.model, one.place.column.slug, one.place.inner)
        # A column may be related to the id and to something else: the id decides.
        if place not in found or _is_id(relation, one.key):
            found[place] = one
    return list(found.values())


def _of(catalog: Catalog, relation: Relation, link: Link) -> Iterable[ForeignKey]:
    starts, ends = (link.from_model, link.from_column, link.from_property), (link.to_model, link.to_column, link.to_property)
    for (model, slug, inner), (other, key, key_inner), one in ((starts, ends, "manyToOne"), (ends, starts, "oneToMany")):
        referring = catalog.by_model(model)
        column, known = referring.column(slug) if referring else None, relation.column(key)
        if other != relation.model or referring is None or column is None or known is None:
            continue
        place, own = ColumnPath(column, inner), ColumnPath(known, key_inner)
        if known.slug not in SYSTEM_COLUMNS and not known.stored:
            continue
        # Of two that are equal neither leads to the other, unless one is an id.
        if (link.relation == one or _is_id(relation, own)) and column.writable and column.slug != referring.id_column:
            yield ForeignKey(referring, place, own)


def _is_id(relation: Relation, key: ColumnPath) -> bool:
    return key.inner is None and key.column.slug in {"_id", relation.id_column}


@dataclass(frozen=True, slots=True)
class RelinkResult:
    """How many records of a model lead elsewhere by a column, and the ids of the first thousand."""

    reference: ForeignKey
    count: int
    ids: list[str]


async def count_relinked(
    connection: Connection, relation: Relation, wanted: Sequence[ForeignKey], groups: Sequence[Sequence[str]]
) -> list[list[tuple[ForeignKey, int]]]:
    """For each group of ids, the survivor first, how many records would lead elsewhere if it alone were merged."""
    found: list[list[tuple[ForeignKey, int]]] = [[] for _ in groups]
    members = [(number, uid, at) for number, uids in enumerate(groups) for at, uid in enumerate(uids, 1)]
    if not members:
        return found
    numbers, uids, places = (list(values) for values in zip(*members, strict=True))
    given = "select * from unnest(%(groups)s::int[]::text[], %(ids)s::text[], %(places)s::int[]) as g (grp, _id, n)"
    params = {"groups": numbers, "ids": uids, "places": places}
    for one in wanted:
        key = one.key.column
        values = f"select g.*, {one.key.native('t')} as v, {one.key.text('t')} as t "
        values += f"from members as g join {table_name(relation)} as t using (_id)"
        fills = key.writable and key.slug != relation.id_column
        query = (
            f"{_moved(relation, one, given, values, fills=fills)} select m.grp, count(*) from moved as m "  # noqa: S608 - names, quoted
            f"join {table_name(one.relation)} as o on {_matches(one)} where {_takes(one)} {_not_removed(relation, one)} group by m.grp"
        )
        for number, count in await fetch(connection, query, params):
            found[int(number)].append((one, int(count)))
    return found


async def relink(
    connection: Connection, relation: Relation, wanted: Sequence[ForeignKey], *, uid: uuid.UUID, workspace: uuid.UUID, now: datetime
) -> list[RelinkResult]:
    """After a merge, let what led to its removed records lead to the survivors, and write down in `merged_references` what that was."""
    own = table_name(relation)
    params: dict[str, Any] = {"uid": uid, "workspace": workspace, "now": now}
    given = (
        "select survivor_id as grp, record_id as _id, 2 as n from merged_records where merge_uuid = %(uid)s and after is null "
        "union select survivor_id, survivor_id, 1 from merged_records where merge_uuid = %(uid)s"
    )
    note = (
        "insert into merged_references (merge_uuid, workspace_uuid, model_uuid, column_slug, property_slug, record_id, before, after, "
        "record_updated_at) select %(uid)s, %(workspace)s, %(model)s, %(column)s, %(inner)s, _id, before, after, _updated_at from found "
        "on conflict do nothing"
    )
    for one in wanted:
        value = f"{one.key.native('t')} as v, {one.key.text('t')} as t"
        values = (
            f"select g.*, {value} from members as g join {own} as t on t._id = g._id where g.n = 1 "  # noqa: S608 - names, quoted
            f"union all select g.*, {value} from members as g "
            "join merged_records as m on m.merge_uuid = %(uid)s and m.record_id = g._id and m.after is null, "
            f"lateral jsonb_populate_record(null::{own}, m.before) as t where g.n > 1"
        )
        found = (
            f"select o._id, o._updated_at, {one.place.json('o')} as before, {_new(one)} as after "  # noqa: S608 - names, quoted
            f"from moved as m join {table_name(one.relation)} as o on {_matches(one)} where {_takes(one)} for update of o"
        )
        moved = _moved(relation, one, given, values, fills=False)
        await execute(connection, f"{moved}, found as ({found}) {note}", params | _named(one))
    done = [await _write(connection, one, params) for one in wanted]
    return [one for one in done if one.count]


def _moved(relation: Relation, one: ForeignKey, members: str, values: str, *, fills: bool) -> str:
    """The common table `moved` (grp, old, new, old_text, new_text): values that go with a removed record, and those of its survivor.

    `members` (grp, _id, n): the records of the groups, survivors with n = 1; `values`: the same with their values v and t. Left as they
    are: values that another record has, too, and so tell nothing about which is meant.
    """
    first = "filter (where t <> '')" if fills else "filter (where n = 1)"
    holders, alone = "", ""
    if not _is_id(relation, one.key):
        value = one.key.native("x")
        holders = (
            f"holders as materialized (select {value} as v, g.grp from {table_name(relation)} as x left join members as g on g._id = x._id "  # noqa: S608
            f"where {value} in (select v from keyed)), "
        )
        alone = "".join(
            f" and not exists (select 1 from holders as h where h.v = {held} and h.grp is distinct from k.grp)"  # noqa: S608 - ours
            for held in ("k.v", "s.v")
        )
    return (
        f"with members as materialized ({members}), keyed as materialized ({values}), kept as (select grp, "  # noqa: S608 - names, quoted
        f"(array_agg(v order by n) {first})[1] as v, (array_agg(t order by n) {first})[1] as t from keyed group by grp), {holders}"
        "moved as materialized (select min(k.grp) as grp, k.v as old, (array_agg(s.v))[1] as new, min(k.t) as old_text, "
        "min(s.t) as new_text from keyed as k join kept as s on s.grp = k.grp where k.n > 1 and k.t <> '' and s.t <> '' and k.v <> s.v"
        f"{alone} group by k.v having count(distinct k.grp) = 1)"
    )


def _matches(one: ForeignKey) -> str:
    if one.place.kind == one.key.kind:
        return f"{one.place.native('o')} = m.old"
    return f"{one.place.text('o')} = m.old_text"


def _new(one: ForeignKey) -> str:
    """The new value as JSON: in JSON, a number stays one."""
    if one.place.kind == one.key.kind and one.place.inner is None:
        return "to_jsonb(m.new)"
    if one.place.kind == "number":
        return "to_jsonb(m.new_text::double precision)"
    if one.place.kind == "string":
        return "to_jsonb(m.new_text)"
    number = f"jsonb_typeof({one.place.json('o')}) = 'number' and {_IS_NUMBER}"
    return f"case when {number} then to_jsonb(m.new_text::numeric) else to_jsonb(m.new_text) end"


_IS_NUMBER = "m.new_text ~ '^-?[0-9]{1,300}(\\.[0-9]{1,300})?$'"


def _takes(one: ForeignKey) -> str:
    """Whether the new value goes into the column."""
    kind = one.place.kind
    if kind == one.key.kind or kind in {"string", "property", "any"}:
        return "true"
    return _IS_NUMBER if kind == "number" else "false"


def _not_removed(relation: Relation, one: ForeignKey) -> str:
    """Where a model leads to itself, the records that go are not counted."""
    if one.relation.model != relation.model:
        return ""
    return "and not exists (select 1 from members as g where g.grp = m.grp and g.n > 1 and g._id = o._id)"


def _named(one: ForeignKey) -> dict[str, Any]:
    return {"model": one.relation.model, "column": one.place.column.slug, "inner": one.place.inner or ""}


_HERE = (
    "r.merge_uuid = %(uid)s and r.model_uuid = %(model)s and r.column_slug = %(column)s and r.property_slug = %(inner)s "
    "and r.record_id = o._id"
)
_COUNTED = (
    f"select count(*), coalesce(array_agg(_id) filter (where n <= {PAGE_SIZE}), '{{}}') from "  # noqa: S608 - a number
    "(select _id, row_number() over () as n from done) as d"
)


async def _write(connection: Connection, one: ForeignKey, params: dict[str, Any]) -> RelinkResult:
    own, name = table_name(one.relation), quote(one.place.column.slug)
    query = (
        f"with done as (update {own} as o set {name} = {one.place.put('o', own, 'r.after')}, _updated_at = %(now)s "  # noqa: S608
        f"from merged_references as r where {_HERE} returning o._id) {_COUNTED}"
    )
    count, uids = (await fetch(connection, query, params | _named(one)))[0]
    return RelinkResult(one, int(count), list(uids))


async def relinked_foreign_keys(connection: Connection, catalog: Catalog, uid: uuid.UUID) -> list[ForeignKey]:
    """What a merge has let lead elsewhere, as far as model and column are still there. `key` is of no more use."""
    query = "select distinct model_uuid, column_slug, property_slug from merged_references where merge_uuid = %s order by 1, 2, 3"
    found: list[ForeignKey] = []
    for model, slug, inner in await fetch(connection, query, [uid]):
        referring = catalog.by_model(model)
        column = referring.column(slug) if referring else None
        if referring is not None and column is not None and column.writable and (not inner or column.type in _JSON):
            found.append(ForeignKey(referring, ColumnPath(column, inner or None), ColumnPath(SYSTEM_COLUMNS["_id"])))
    return found


async def undo(
    connection: Connection, wanted: Sequence[ForeignKey], *, uid: uuid.UUID, merged_at: datetime, now: datetime
) -> list[RelinkResult]:
    """Let everything lead where it did before the merge, unless it was changed since. psycopg's DataError where a column is of another
    type now."""
    await execute(connection, "set local timezone = 'UTC'")
    done: list[RelinkResult] = []
    for one in wanted:
        own, name = table_name(one.relation), quote(one.place.column.slug)
        # Who has not been written since the merge was changed last when it was before it; of two columns the first one says so.
        stamp = "case when o._updated_at in (%(merged_at)s, r.record_updated_at) then r.record_updated_at else %(now)s end"
        query = (
            f"with done as (update {own} as o set {name} = {one.place.put('o', own, 'r.before')}, _updated_at = {stamp} "  # noqa: S608
            f"from merged_references as r where {_HERE} and {one.place.json('o')} = r.after returning o._id) {_COUNTED}"
        )
        count, uids = (await fetch(connection, query, {"uid": uid, "merged_at": merged_at, "now": now} | _named(one)))[0]
        done.append(RelinkResult(one, int(count), list(uids)))
    return [one for one in done if one.count]


async def relinked_records(connection: Connection, relation: Relation, uid: uuid.UUID) -> AsyncGenerator[list[tuple[str, datetime]]]:
    """The records of a model that a merge has let lead elsewhere, with when they changed last, a thousand at a time."""
    last = ""
    query = (
        "select distinct r.record_id, o._updated_at from merged_references as r "  # noqa: S608 - names, quoted
        f"join {table_name(relation)} as o on o._id = r.record_id where r.merge_uuid = %s and r.model_uuid = %s and r.record_id > %s "
        f"order by 1 limit {PAGE_SIZE}"
    )
    while found := await fetch(connection, query, [uid, relation.model, last]):
        yield [(str(record), moment) for record, moment in found]
        last = str(found[-1][0])


async def set_updated_at(connection: Connection, relation: Relation, moments: Sequence[tuple[str, datetime]]) -> None:
    """Say when each of these records changed last."""
    query = (
        f"update {table_name(relation)} as o set _updated_at = s.at from unnest(%s::text[], %s::timestamptz[]) as s (_id, at) "  # noqa: S608
        "where o._id = s._id and o._updated_at <> s.at"
    )
    await execute(connection, query, [[uid for uid, _ in moments], [moment for _, moment in moments]])


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"
