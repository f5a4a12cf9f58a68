"""Indexes for filters and sorts: which ones a filter asks for, and the statements that create and list them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from cargo_ai.contract.segmentation.filter import (
    BooleanCondition,
    Condition,
    DateCondition,
    Filter,
    Group,
    NumberCondition,
    Sort,
    StringCondition,
)
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import qualify, quote
from cargo_ai.store.driver import Connection, fetch

IndexKind = Literal["values", "order", "text"]
"""values: equal to, above, below, of several columns; order: the first records by one column; text: parts of texts."""

MAX_COLUMNS = 12
MAX_TEXT_BYTES = 500
"""Bytes of text that an index of values takes along without coming near the 2.7 kB that one entry may have."""
SCALARS = frozenset({"string", "number", "date", "boolean"})


@dataclass(frozen=True, slots=True)
class Index:
    """An index to create. `columns`: slugs, in order; `descending` is for one of kind order."""

    kind: IndexKind
    columns: tuple[str, ...]
    descending: bool = False

    def name(self, relation: Relation) -> str:
        """What it is called in the database: the same for the same index, so that none is made twice."""
        identity = json.dumps([self.kind, self.columns, self.descending])
        return f"xi_{relation.table[2:46]}_{hashlib.sha256(identity.encode()).hexdigest()[:8]}"

    def comment(self, error: str | None = None) -> str:
        """The comment that the database keeps with it."""
        content: dict[str, Any] = {"kind": self.kind, "columnSlugs": self.columns, "isDescending": self.descending}
        return json.dumps(content | ({"error": error[:300]} if error else {}))

    def create(self, relation: Relation) -> str:
        """The statement that makes it without blocking reads or writes; in no transaction."""
        names = [quote(slug) for slug in self.columns]
        match self.kind:
            case "values":
                what = f"({', '.join([*names, '_id'])})"
            case "order":
                what = f"({names[0]} {'desc' if self.descending else 'asc'} nulls last, _id)"
            case "text":
                what = f"using gin ({', '.join(f'lower({name}) gin_trgm_ops' for name in names)})"
        return f"create index concurrently {quote(self.name(relation))} on {table_name(relation)} {what}"


@dataclass(frozen=True, slots=True)
class ExistingIndex:
    """An index that the database has. `valid`: whether it is used; `error`: why it could not be made."""

    name: str
    index: Index
    valid: bool
    bytes: int
    uses: int
    error: str | None


async def list_indexes(connection: Connection, relation: Relation) -> list[ExistingIndex]:
    """The indexes of a model that were made by `Index`, the oldest first."""
    query = (
        "select c.relname, obj_description(c.oid, 'pg_class'), i.indisvalid, pg_relation_size(c.oid), "
        "coalesce(pg_stat_get_numscans(c.oid), 0) from pg_index as i join pg_class as c on c.oid = i.indexrelid "
        "where i.indrelid = %s::text::regclass and c.relname like 'xi\\_%%' order by c.oid"
    )
    every: list[ExistingIndex] = []
    for name, comment, valid, size, uses in await fetch(connection, query, [table_name(relation)]):
        if comment is not None:
            noted = cast("dict[str, Any]", json.loads(comment))
            index = Index(noted["kind"], tuple(noted["columnSlugs"]), bool(noted.get("isDescending")))
            every.append(ExistingIndex(name, index, bool(valid), int(size), int(uses), noted.get("error")))
    return every


def drop(relation: Relation, name: str, *, concurrently: bool = False) -> str:
    """The statement that takes an index away."""
    return f"drop index {'concurrently ' if concurrently else ''}if exists {qualify(relation.schema, name)}"


def comment_statement(relation: Relation, name: str, index: Index, error: str | None) -> str:
    """The statement that comments an index with what it is, and why it could not be created."""
    text = index.comment(error).replace("'", "''")
    return f"comment on index {qualify(relation.schema, name)} is '{text}'"


def vacuum_statement(relation: Relation) -> str:
    """The statement after which a new index is used for what it is worth; in no transaction."""
    return f"vacuum (analyze, skip_locked) {table_name(relation)}"


def index_problem(relation: Relation, index: Index) -> str | None:
    """Why there can be no such index, as a sentence; None when there can."""
    if len(index.columns) > MAX_COLUMNS:
        return f"An index has at most {MAX_COLUMNS} columns."
    for slug in index.columns:
        column = relation.column(slug)
        if column is None:
            return f"Model {relation.slug} has no column {slug}."
        if not _can_be_indexed(column):
            return f"{slug} is a {column.kind} column of {column.type}: an index is of stored texts, numbers, dates and booleans."
        if index.kind == "text" and column.type != "string":
            return f"{slug} is {column.type}: an index of parts of texts is of texts."
    return None


async def long_texts(connection: Connection, relation: Relation, columns: Iterable[str]) -> list[str]:
    """Those of the columns that hold texts which are too long for an index of values."""
    texts = [
        slug for slug in columns if (column := relation.column(slug)) is not None and column.type == "string" and column.kind != "system"
    ]
    if not texts:
        return []
    shown = ", ".join(f"coalesce(max(octet_length({quote(slug)})), 0) > {MAX_TEXT_BYTES}" for slug in texts)
    row = (await fetch(connection, f"select {shown} from {table_name(relation)}"))[0]  # noqa: S608 - names, quoted
    return [slug for slug, is_long in zip(texts, row, strict=True) if is_long]


def indexes_for(filter: Filter, sort: Sort, relation: Relation, joined: Mapping[str, str]) -> list[Index]:
    """The indexes that make a filter and its order fast; none where no index would be used.

    One of values: what is compared for equality first, then what is compared otherwise, then whatever else is asked for, so that the
    records are found without looking at the table; of a metric or lookup that is what it is joined by (`joined`, by their slugs). Where
    only parts of texts decide, one of text; without conditions, one of the order.
    """
    conditions = list(_conditions(filter)) if _all_must_hold(filter) else []
    own = [(condition, column) for condition in conditions if (column := _column(condition, relation)) is not None]
    equal = [column.slug for condition, column in own if _comparison(condition) == "equal"]
    # A boolean tells few records apart: it goes last.
    equal.sort(key=lambda slug: _type(relation, slug) == "boolean")
    apart = [column.slug for condition, column in own if _comparison(condition) == "range"]
    parts = [column.slug for condition, column in own if _comparison(condition) == "part"]
    ordered = [key for key in sort if (column := relation.column(key.column_slug)) is not None and _can_be_indexed(column)]
    if [slug for slug in equal if _type(relation, slug) != "boolean"] or apart:
        named = [*(str(getattr(condition, "column_slug", "")) for condition in conditions), *(key.column_slug for key in sort)]
        every = [*equal, *apart, *parts, *(key.column_slug for key in ordered), *_join_keys(named, relation, joined)]
        return [Index("values", tuple(dict.fromkeys(every))[:MAX_COLUMNS])]
    indexes = [Index("text", (slug,)) for slug in dict.fromkeys(parts)]
    if ordered and not indexes and len(sort) == 1 and sort[0].column_slug != "_id":
        indexes.append(Index("order", (ordered[0].column_slug,), ordered[0].kind == "desc"))
    return indexes


def without_columns(index: Index, slugs: Sequence[str]) -> Index | None:
    """The index without some columns; None where nothing is left."""
    left = tuple(slug for slug in index.columns if slug not in slugs)
    return Index(index.kind, left, index.descending) if left else None


def _can_be_indexed(column: Column) -> bool:
    return column.stored and column.type in SCALARS


def _join_keys(named: Iterable[str], relation: Relation, joined: Mapping[str, str]) -> Iterator[str]:
    """What the metrics and lookups among the named columns are joined by."""
    for slug in named:
        column = relation.column(slug)
        key = None if column is None else relation.column(joined.get(column.slug, ""))
        if key is not None and _can_be_indexed(key):
            yield key.slug


def _type(relation: Relation, slug: str) -> str:
    column = relation.column(slug)
    return column.type if column is not None else ""


def _all_must_hold(filter: Filter) -> bool:
    def holds_all(group: Group) -> bool:
        alone = len(group.conditions) + len(group.groups) == 1
        return (group.conjonction == "and" or (alone and group.conjonction is not None)) and all(map(holds_all, group.groups))

    return (filter.conjonction == "and" or len(filter.groups) == 1) and all(map(holds_all, filter.groups))


def _conditions(filter: Filter) -> Iterator[Condition]:
    def of(group: Group) -> Iterator[Condition]:
        yield from group.conditions
        for inner in group.groups:
            yield from of(inner)

    for group in filter.groups:
        yield from of(group)


def _column(condition: Condition, relation: Relation) -> Column | None:
    if getattr(condition, "related_model_uuid", None) not in {None, str(relation.model)}:
        return None
    column = relation.column(str(getattr(condition, "column_slug", "")))
    return column if column is not None and _can_be_indexed(column) else None


def _comparison(condition: Condition) -> Literal["equal", "range", "part"] | None:
    """How a condition looks for values; None where no index helps."""
    match condition:
        case StringCondition(operator="is") | NumberCondition(operator="is") | BooleanCondition(operator="isTrue" | "isFalse"):
            return "equal"
        case StringCondition(operator="contains" | "startsWith" | "endsWith"):
            return "part"
        case NumberCondition(operator="greaterThan" | "lowerThan" | "between"):
            return "range"
        case DateCondition(operator="is" | "greaterThan" | "lowerThan" | "between"):
            return "range"
        case _:
            return None
