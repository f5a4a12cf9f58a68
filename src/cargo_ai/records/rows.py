"""Write and read some records at a time in the table of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cargo_ai.records.catalog import SYSTEM_COLUMNS, Column, Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import qualify, quote, statement
from cargo_ai.records.values import to_wire
from cargo_ai.store.driver import Connection, execute, fetch

EncodedRow = Mapping[str, str | None]
"""A record's columns as the texts that the database reads (`values.to_database`)."""

_MAX_VALUES = 20_000
"""Of one statement that writes: the driver makes its parameters in the event loop."""
_MAX_READ = 1_000
"""Records that are read by one statement, and made ready for the wire in the event loop."""
_MODELS_AT_ONCE = 50
"""Models that one statement looks into."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The ids of records that were added, and of those whose values changed."""

    added: list[str]
    updated: list[str]

    @property
    def touched(self) -> list[str]:
        """Both."""
        return self.added + self.updated


_INSERT = """
insert into $table (_id, _emitted_at, _created_at, _updated_at$names)
select u._id, %(now)s, %(now)s, %(now)s$values from $rows
"""
_UPDATE = """
update $table as t set $assignments, _updated_at = %(now)s from $rows where t._id = u._id and ($differs) returning t._id
"""
_UPSERT = """
insert into $table as t (_id, _emitted_at, _created_at, _updated_at$names)
select u._id, %(now)s, %(now)s, %(now)s$values from $rows
on conflict (_id) $conflict returning t._id, t.xmax = 0
"""


async def insert(connection: Connection, relation: Relation, rows: Sequence[tuple[str, EncodedRow]], now: datetime) -> list[str]:
    """Add records `(_id, columns)`. An `_id` that exists already is a UniqueViolation, and nothing is added."""
    for slugs, group in _group_by_columns(rows):
        query = statement(_INSERT, table=table_name(relation), rows=_unnest(slugs), **_names_and_values(relation, slugs))
        await execute(connection, query, _arrays(slugs, group) | {"now": now})
    return [uid for uid, _ in rows]


async def update(connection: Connection, relation: Relation, rows: Sequence[tuple[str, EncodedRow]], now: datetime) -> list[str]:
    """Set the given columns of records; the ids of those that this changes. A record that does not exist is not added."""
    changed: list[str] = []
    for slugs, group in _group_by_columns(rows):
        if not slugs:
            continue
        query = statement(
            _UPDATE,
            table=table_name(relation),
            assignments=", ".join(f"{quote(slug)} = {_cast(relation, slug)}" for slug in slugs),
            rows=_unnest(slugs),
            differs=" or ".join(f"t.{quote(slug)} is distinct from {_cast(relation, slug)}" for slug in slugs),
        )
        changed += [uid for (uid,) in await fetch(connection, query, _arrays(slugs, group) | {"now": now})]
    return changed


_UPDATE_ONE = """
with model as ($version), present as (
    select _id from $table where _id = %(_id)s and (select version from model) = %(version)s for update
), updated as (
    update $table as t set $assignments, _updated_at = %(at)s where t._id = %(_id)s and exists (select from present) and ($differs)
    returning t._id
), $noted
select (select version from model), exists (select from present), exists (select from updated)
"""


def update_one(relation: Relation, row: EncodedRow, version: str, noted: Sequence[str]) -> tuple[str, dict[str, str | None]]:
    """A statement that sets columns of the record `_id` where `version`, a select, gives the value `version`. It gives (its version,
    whether there is such a record, whether that changed it). With it, the values of the columns. `noted`: what else is done then."""
    names = {slug: f"%(c{number})s::{_column(relation, slug).sql_type}" for number, slug in enumerate(row)}
    query = statement(
        _UPDATE_ONE,
        table=table_name(relation),
        version=version,
        assignments=", ".join(f"{quote(slug)} = {name}" for slug, name in names.items()),
        differs=" or ".join(f"t.{quote(slug)} is distinct from {name}" for slug, name in names.items()),
        noted=", ".join(noted),
    )
    return query, {f"c{number}": text for number, text in enumerate(row.values())}


async def upsert(
    connection: Connection,
    relation: Relation,
    rows: Sequence[tuple[str, EncodedRow]],
    now: datetime,
    *,
    quiet: frozenset[str] = frozenset(),
) -> WriteResult:
    """Add records, or set the given columns of those that exist; of one `_id` twice in `rows` the last counts. A record that differs in
    nothing but `quiet` columns stays as it is."""
    written = WriteResult([], [])
    for slugs, group in _group_by_columns(list(dict(rows).items())):
        assignments = ", ".join(f"{quote(slug)} = excluded.{quote(slug)}" for slug in slugs)
        telling = [slug for slug in slugs if slug not in quiet]
        differs = " or ".join(f"t.{quote(slug)} is distinct from excluded.{quote(slug)}" for slug in telling)
        query = statement(
            _UPSERT,
            table=table_name(relation),
            rows=_unnest(slugs),
            conflict=f"do update set {assignments}, _updated_at = excluded._updated_at where {differs}" if telling else "do nothing",
            **_names_and_values(relation, slugs),
        )
        for uid, is_added in await fetch(connection, query, _arrays(slugs, group) | {"now": now}):
            (written.added if is_added else written.updated).append(uid)
    return written


async def delete(connection: Connection, relation: Relation, uids: Sequence[str]) -> list[str]:
    """Delete records; the ids of those that existed."""
    query = statement("delete from $table where _id = any(%s) returning _id", table=table_name(relation))
    return [uid for (uid,) in await fetch(connection, query, [list(uids)])]


async def existing_ids(connection: Connection, relation: Relation, uids: Sequence[str], *, lock: bool = False) -> set[str]:
    """Which of the ids exist; `lock`: so that they stay until the caller's commit."""
    locking = "order by _id for update" if lock else ""
    query = statement("select _id from $table where _id = any(%s) $locking", table=table_name(relation), locking=locking)
    return {uid for (uid,) in await fetch(connection, query, [list(uids)])}


async def ids_with_value(
    connection: Connection, relation: Relation, column: str, text: str | None, *, most: int | None = None
) -> list[str]:
    """The ids of the records whose stored column has this value, oldest first, locked until the caller's commit."""
    if text is None:
        return []
    query = statement(
        "select _id from $table where $name = %s::$type order by _created_at, _id $limit for update",
        table=table_name(relation),
        name="_id" if column == "_id" else quote(column),
        type=_column(relation, column).sql_type,
        limit=f"limit {int(most)}" if most is not None else "",
    )
    return [uid for (uid,) in await fetch(connection, query, [text])]


def all_columns(relation: Relation) -> tuple[Column, ...]:
    """The columns of a record as people see it: system columns, then the model's own."""
    return (*SYSTEM_COLUMNS.values(), *relation.columns)


def select_list(relation: Relation, alias: str = "") -> str:
    """The select list for `to_records`: every column of the view, timestamps and JSON as the driver reads them."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{quote(column.slug)}" for column in all_columns(relation))


def to_records(relation: Relation, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Rows of `select_list` as records: plain slugs, JSON values."""
    columns = all_columns(relation)
    return [{column.slug: to_wire(item, column.type) for column, item in zip(columns, row, strict=True)} for row in rows]


def view_name(relation: Relation) -> str:
    """The view's name as SQL."""
    return qualify(relation.schema, relation.view)


async def get(connection: Connection, relation: Relation, uids: Sequence[str]) -> list[dict[str, Any]]:
    """Records by id, in the order of the ids; those that do not exist are left out."""
    query = statement("select $columns from $view where _id = any(%s)", columns=select_list(relation), view=view_name(relation))
    by_id: dict[str, dict[str, Any]] = {}
    for start in range(0, len(uids), _MAX_READ):
        rows = await fetch(connection, query, [list(uids[start : start + _MAX_READ])])
        by_id |= {record["_id"]: record for record in to_records(relation, rows)}
    return [by_id[uid] for uid in uids if uid in by_id]


async def titles_of_id(connection: Connection, relations: Sequence[Relation], uid: str, limit: int) -> list[tuple[UUID, str | None]]:
    """The models that have a record with this id, each with its title: one look into the index of each model, some models at a time."""
    titles: list[tuple[UUID, str | None]] = []
    for start in range(0, len(relations), _MODELS_AT_ONCE):
        asked = relations[start : start + _MODELS_AT_ONCE]
        parts = [
            statement("(select $place, _title from $view where _id = %s)", place=str(place), view=view_name(relation))
            for place, relation in enumerate(asked)
        ]
        found = await fetch(connection, " union all ".join(parts), [uid] * len(parts)) if parts else []
        titles += [(asked[int(place)].model, title) for place, title in found]
        if len(titles) >= limit:
            break
    return titles[:limit]


_GET_WITH = "$parts select $values, $columns from (select) as once left join $view as r on r._id = %(_id)s"


def get_with(relation: Relation, parts: Sequence[str], values: Sequence[str]) -> str:
    """A statement that reads the record `_id` behind these values, and has these parts of a `with`."""
    return statement(
        _GET_WITH,
        parts=f"with {', '.join(parts)}" if parts else "",
        values=", ".join(values),
        columns=select_list(relation, "r"),
        view=view_name(relation),
    )


_PAGE = """
select $columns from $view as r
where r._id in (select k._id from $keys as k order by $key_order limit %s offset %s) order by $order
"""


async def page(
    connection: Connection, relation: Relation, *, limit: int, offset: int = 0, sort: str = "_emitted_at", descending: bool = True
) -> list[dict[str, Any]]:
    """A page of records, by a system column; ties are broken by `_id`, so that pages never overlap.

    Which records they are is found first, by what they are ordered by alone: what stands before the page is passed over in the index of
    the ids, or sorted as short keys, and only the page itself is read.
    """
    direction = "desc" if descending else "asc"

    def order(alias: str) -> str:
        return f"{alias}._id {direction}" if sort == "_id" else f"{alias}.{quote(sort)} {direction} nulls last, {alias}._id {direction}"

    query = statement(
        _PAGE,
        columns=select_list(relation, "r"),
        view=view_name(relation),
        # A title is computed by the view; the other columns are in the table.
        keys=view_name(relation) if sort == "_title" else table_name(relation),
        key_order=order("k"),
        order=order("r"),
    )
    return to_records(relation, await fetch(connection, query, [limit, offset]))


async def records_after(connection: Connection, relation: Relation, last: str, limit: int) -> list[dict[str, Any]]:
    """The next records by `_id` after `last` ('' begins): for reading all of a model without holding anything."""
    query = statement(
        "select $columns from $view where _id > %s order by _id limit %s", columns=select_list(relation), view=view_name(relation)
    )
    return to_records(relation, await fetch(connection, query, [last, limit]))


async def ids_after(connection: Connection, relation: Relation, last: str, limit: int, *, up_to: Sequence[str] | None = None) -> list[str]:
    """The next ids after `last` ('' begins), in order. `up_to`: not those behind the last one of these."""
    bound = "true" if up_to is None else "_id <= any(%(up_to)s)"
    query = statement(
        "select _id from $table where _id > %(last)s and $bound order by _id limit %(limit)s", table=table_name(relation), bound=bound
    )
    named = {"last": last, "limit": limit, "up_to": None if up_to is None else list(up_to)}
    return [uid for (uid,) in await fetch(connection, query, named)]


_DISTINCT_VALUES = """
select v, count(*) from (select $value as v from $view) as s
where v is not null and v <> '' and lower(v) like %s group by v order by 2 desc, 1 limit %s
"""


async def distinct_values(connection: Connection, relation: Relation, column: Column, text: str, limit: int) -> list[str]:
    """The values of a column that contain the text, the most frequent first, as text."""
    is_json = column.type in {"object", "array", "any"}
    query = statement(
        _DISTINCT_VALUES,
        value=f"{quote(column.slug)} #>> '{{}}'" if is_json else f"{quote(column.slug)}::text",
        view=view_name(relation),
    )
    pattern = "%" + text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return [str(row[0]) for row in await fetch(connection, query, [pattern, limit])]


def _group_by_columns(rows: Sequence[tuple[str, EncodedRow]]) -> Iterable[tuple[tuple[str, ...], list[tuple[str, EncodedRow]]]]:
    """The rows in groups that set the same columns, none too large for one statement."""
    groups: dict[tuple[str, ...], list[tuple[str, EncodedRow]]] = {}
    for uid, row in rows:
        groups.setdefault(tuple(row), []).append((uid, row))
    for slugs, group in groups.items():
        size = max(1, _MAX_VALUES // (len(slugs) + 1))
        for start in range(0, len(group), size):
            yield slugs, group[start : start + size]


def _names_and_values(relation: Relation, slugs: tuple[str, ...]) -> dict[str, str]:
    """The columns of an insert after the system columns, and the values for them from `u`."""
    return {
        "names": "".join(f", {quote(slug)}" for slug in slugs),
        "values": "".join(f", {_cast(relation, slug)}" for slug in slugs),
    }


def _arrays(slugs: tuple[str, ...], rows: list[tuple[str, EncodedRow]]) -> dict[str, Any]:
    """The parameters of `_unnest`: one array per column."""
    return {"_id": [uid for uid, _ in rows]} | {f"c{number}": [row[slug] for _, row in rows] for number, slug in enumerate(slugs)}


def _unnest(slugs: tuple[str, ...]) -> str:
    """The rows as a source `u` in FROM, all values as text."""
    arrays = "".join(f", %(c{number})s::text[]" for number in range(len(slugs)))
    return f"unnest(%(_id)s::text[]{arrays}) as u (_id{''.join(f', {quote(slug)}' for slug in slugs)})"


def _cast(relation: Relation, slug: str) -> str:
    return f"u.{quote(slug)}::{_column(relation, slug).sql_type}"


def _column(relation: Relation, slug: str) -> Column:
    column = relation.column(slug)
    if column is None:
        raise LookupError(f"{relation.slug} has no column {slug}")
    return column


async def exists(connection: Connection, query: str) -> bool:
    """Whether a select yields anything."""
    return bool(await fetch(connection, query))
