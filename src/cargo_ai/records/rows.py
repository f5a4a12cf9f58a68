"""Write and read some records at a time in the table of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cargo_ai.records.catalog import SQL_TYPES, SYSTEM_COLUMNS, Column, Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import qualify, quote
from cargo_ai.records.values import to_wire
from cargo_ai.store.driver import Connection, execute, fetch, value

EncodedRow = Mapping[str, str | None]
"""A record's columns as the texts that the database reads (`values.to_database`)."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The ids of records that were added, and of those whose values changed."""

    added: list[str]
    updated: list[str]

    @property
    def touched(self) -> list[str]:
        """Both."""
        return self.added + self.updated


async def insert(connection: Connection, relation: Relation, rows: Sequence[tuple[str, EncodedRow]], now: datetime) -> list[str]:
    """Add records `(_id, columns)`. An `_id` that is there already is a UniqueViolation, and nothing is added."""
    for columns, group in _group_by_columns(rows):
        names, values, params = _unnest_parameters(relation, columns, group)
        await execute(
            connection,
            f"insert into {table_name(relation)} (_id, _emitted_at, _created_at, _updated_at{names}) "  # noqa: S608 - names, quoted
            f"select u._id, %(now)s, %(now)s, %(now)s{values} from {_unnest_source(columns)}",
            params | {"now": now},
        )
    return [uid for uid, _ in rows]


async def update(connection: Connection, relation: Relation, rows: Sequence[tuple[str, EncodedRow]], now: datetime) -> list[str]:
    """Set the given columns of records; the ids of those that this changes. What is not there is not added."""
    changed: list[str] = []
    for columns, group in _group_by_columns(rows):
        if not columns:
            continue
        _, _, params = _unnest_parameters(relation, columns, group)
        sets = ", ".join(f"{quote(one)} = {_cast(relation, one)}" for one in columns)
        found = await fetch(
            connection,
            f"update {table_name(relation)} as t set {sets}, _updated_at = %(now)s from {_unnest_source(columns)} "  # noqa: S608 - names, quoted
            f"where t._id = u._id and ({_differs(relation, columns)}) returning t._id",
            params | {"now": now},
        )
        changed += [uid for (uid,) in found]
    return changed


async def upsert(connection: Connection, relation: Relation, rows: Sequence[tuple[str, EncodedRow]], now: datetime) -> WriteResult:
    """Add records or set the given columns of those that are there; of one `_id` twice in `rows` the last counts."""
    written = WriteResult([], [])
    for columns, group in _group_by_columns(list(dict(rows).items())):
        names, values, params = _unnest_parameters(relation, columns, group)
        sets = ", ".join(f"{quote(one)} = excluded.{quote(one)}" for one in columns)
        differs = " or ".join(f"t.{quote(one)} is distinct from excluded.{quote(one)}" for one in columns)
        clash = f"do update set {sets}, _updated_at = excluded._updated_at where {differs}" if columns else "do nothing"
        found = await fetch(
            connection,
            f"insert into {table_name(relation)} as t (_id, _emitted_at, _created_at, _updated_at{names}) "  # noqa: S608 - names, quoted
            f"select u._id, %(now)s, %(now)s, %(now)s{values} from {_unnest_source(columns)} "
            f"on conflict (_id) {clash} returning t._id, t.xmax = 0",
            params | {"now": now},
        )
        for uid, added in found:
            (written.added if added else written.updated).append(uid)
    return written


async def delete(connection: Connection, relation: Relation, uids: Sequence[str]) -> list[str]:
    """Take records away; the ids of those that were there."""
    found = await fetch(
        connection,
        f"delete from {table_name(relation)} where _id = any(%s) returning _id",  # noqa: S608 - names, quoted
        [list(uids)],
    )
    return [uid for (uid,) in found]


async def existing_ids(connection: Connection, relation: Relation, uids: Sequence[str], *, lock: bool = False) -> set[str]:
    """Which of the ids are there; `lock`: so that they stay until the caller's commit."""
    how = " order by _id for update" if lock else ""
    query = f"select _id from {table_name(relation)} where _id = any(%s){how}"  # noqa: S608 - names, quoted
    return {uid for (uid,) in await fetch(connection, query, [list(uids)])}


async def ids_with_value(
    connection: Connection, relation: Relation, column: str, text: str | None, *, most: int | None = None
) -> list[str]:
    """The ids of the records whose stored column has this value, oldest first, locked until the caller's commit."""
    if text is None:
        return []
    limit = f" limit {int(most)}" if most is not None else ""
    name = "_id" if column == "_id" else quote(column)
    query = (
        f"select _id from {table_name(relation)} where {name} = %s::{_sql_type(relation, column)} "  # noqa: S608 - names, quoted
        f"order by _created_at, _id{limit} for update"
    )
    return [uid for (uid,) in await fetch(connection, query, [text])]


async def count(connection: Connection, relation: Relation) -> int:
    """How many records there are."""
    return int(await value(connection, f"select count(*) from {table_name(relation)}"))  # noqa: S608 - names, quoted


def all_columns(relation: Relation) -> tuple[Column, ...]:
    """The columns of a record as people see it: system columns, then the model's own."""
    return (*SYSTEM_COLUMNS.values(), *relation.columns)


def select_list(relation: Relation, alias: str = "") -> str:
    """The select list for `to_records`: every column of the view, moments and JSON as the driver reads them."""
    lead = f"{alias}." if alias else ""
    return ", ".join(f"{lead}{quote(column.slug)}" for column in all_columns(relation))


def to_records(relation: Relation, found: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Rows of `selected` as records: plain slugs, JSON values."""
    columns = all_columns(relation)
    return [{column.slug: to_wire(one, column.type) for column, one in zip(columns, row, strict=True)} for row in found]


def source(relation: Relation) -> str:
    """The table's name as SQL: for reading stored columns alone."""
    return table_name(relation)


def view_name(relation: Relation) -> str:
    """The view's name as SQL."""
    return qualify(relation.schema, relation.view)


async def get(connection: Connection, relation: Relation, uids: Sequence[str]) -> list[dict[str, Any]]:
    """Records by id, in the order of the ids; those that are not there are left out."""
    query = f"select {select_list(relation)} from {view_name(relation)} where _id = any(%s)"  # noqa: S608 - names, quoted
    by_id = {record["_id"]: record for record in to_records(relation, await fetch(connection, query, [list(uids)]))}
    return [by_id[uid] for uid in uids if uid in by_id]


async def page(
    connection: Connection, relation: Relation, *, limit: int, offset: int = 0, sort: str = "_emitted_at", descending: bool = True
) -> list[dict[str, Any]]:
    """A page of records, by a system column; ties are broken by `_id`, so that pages never overlap.

    Which records they are is found first, by what they are ordered by alone: what stands before the page is passed over in the index of
    the ids, or sorted as short keys, and only the page itself is read.
    """
    way = "desc" if descending else "asc"

    def order(alias: str) -> str:
        return f"{alias}._id {way}" if sort == "_id" else f"{alias}.{quote(sort)} {way} nulls last, {alias}._id {way}"

    # A title is made by the view; the other columns stand in the table.
    own = view_name(relation) if sort == "_title" else table_name(relation)
    chosen = f"select k._id from {own} as k order by {order('k')} limit %s offset %s"  # noqa: S608 - names, quoted
    query = f"select {select_list(relation, 'r')} from {view_name(relation)} as r where r._id in ({chosen}) order by {order('r')}"  # noqa: S608
    return to_records(relation, await fetch(connection, query, [limit, offset]))


async def records_after(connection: Connection, relation: Relation, last: str, limit: int) -> list[dict[str, Any]]:
    """The next records by `_id` after `last` ('' begins): for reading all of a model without holding anything."""
    query = f"select {select_list(relation)} from {view_name(relation)} where _id > %s order by _id limit %s"  # noqa: S608 - names, quoted
    return to_records(relation, await fetch(connection, query, [last, limit]))


async def ids_after(connection: Connection, relation: Relation, last: str, limit: int) -> list[str]:
    """The next ids after `last` ('' begins), in order."""
    query = f"select _id from {table_name(relation)} where _id > %s order by _id limit %s"  # noqa: S608 - names, quoted
    return [uid for (uid,) in await fetch(connection, query, [last, limit])]


async def distinct_values(connection: Connection, relation: Relation, column: Column, text: str, limit: int) -> list[str]:
    """The values of a column that contain the text, the most frequent first, as text."""
    shown = f"{quote(column.slug)} #>> '{{}}'" if column.type in {"object", "array", "any"} else f"{quote(column.slug)}::text"
    query = (
        f"select v, count(*) from (select {shown} as v from {view_name(relation)}) as s "  # noqa: S608 - names, quoted
        "where v is not null and v <> '' and lower(v) like %s group by v order by 2 desc, 1 limit %s"
    )
    like = "%" + text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return [str(found[0]) for found in await fetch(connection, query, [like, limit])]


def _group_by_columns(rows: Sequence[tuple[str, EncodedRow]]) -> Iterable[tuple[tuple[str, ...], list[tuple[str, EncodedRow]]]]:
    """The rows in groups that set the same columns."""
    groups: dict[tuple[str, ...], list[tuple[str, EncodedRow]]] = {}
    for uid, row in rows:
        groups.setdefault(tuple(row), []).append((uid, row))
    return groups.items()


def _unnest_parameters(relation: Relation, columns: tuple[str, ...], rows: list[tuple[str, EncodedRow]]) -> tuple[str, str, dict[str, Any]]:
    """Column names and casts for an insert, and one array per column."""
    names = "".join(f", {quote(one)}" for one in columns)
    values = "".join(f", {_cast(relation, one)}" for one in columns)
    params: dict[str, Any] = {"_id": [uid for uid, _ in rows]}
    params |= {f"c{number}": [row[one] for _, row in rows] for number, one in enumerate(columns)}
    return names, values, params


def _unnest_source(columns: tuple[str, ...]) -> str:
    arrays = "".join(f", %(c{number})s::text[]" for number in range(len(columns)))
    return f"unnest(%(_id)s::text[]{arrays}) as u (_id{''.join(f', {quote(one)}' for one in columns)})"


def _cast(relation: Relation, column: str) -> str:
    return f"u.{quote(column)}::{_sql_type(relation, column)}"


def _differs(relation: Relation, columns: tuple[str, ...]) -> str:
    return " or ".join(f"t.{quote(one)} is distinct from {_cast(relation, one)}" for one in columns)


def _sql_type(relation: Relation, slug: str) -> str:
    column = relation.column(slug)
    if column is None:
        raise LookupError(f"{relation.slug} has no column {slug}")
    return SQL_TYPES[column.type]


async def exists(connection: Connection, query: str) -> bool:
    """Whether a select yields anything."""
    return bool(await fetch(connection, query))
