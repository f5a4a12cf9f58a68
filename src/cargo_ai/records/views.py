"""Views: the one select per model that shows its columns of every kind, metrics and lookups computed as they are read."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai.kernel import ids
from cargo_ai.records.catalog import SQL_TYPES, SYSTEM_COLUMNS, Catalog, Column, ColumnType, Link, Relation
from cargo_ai.records.hashing import STORED, row_hash_expression
from cargo_ai.records.names import qualify, quote

CompileFilter = Callable[[Mapping[str, Any], Relation, str], str]
"""(filter, relation, alias) → SQL with its values written out. Raises InvalidColumn."""

AGGREGATES = frozenset({"AVG", "COUNT", "MAX", "MIN", "SUM"})
_ORDERED_TYPES = frozenset({"string", "number", "date"})


class InvalidColumn(ValueError):
    """A metric or lookup cannot be computed as it is defined; the message says why."""


@dataclass(slots=True)
class _Source:
    """A table under an alias, and the lateral joins beside it that its made columns come from."""

    relation: Relation
    alias: str
    joins: list[str] = field(default_factory=list[str])
    made: dict[str, str] = field(default_factory=dict[str, str])


class Views:
    """Writes views of one catalog. Nothing refers to another view, so that each can be replaced on its own.

    A metric is computed record by record, which is right for a few of them: each is one look into an index. `grouped` writes the
    select that computes it for all of them at once, in one pass over what is related.
    """

    def __init__(self, catalog: Catalog, condition: CompileFilter, *, grouped: bool = False) -> None:
        self._catalog, self._condition, self._grouped = catalog, condition, grouped
        self._aliases = 0

    def create(self, relation: Relation) -> list[str]:
        """The statements that put the view in place of the present one. Raises InvalidColumn."""
        name = qualify(relation.schema, relation.view)
        return [f"drop view if exists {name}", f"create view {name} as {self.select(relation)}"]

    def select(self, relation: Relation) -> str:
        """Every column under its plain slug, the system columns and `_hash`."""
        source = self._source(relation)
        slugs = [*SYSTEM_COLUMNS, *(column.slug for column in relation.columns)]
        shown = [f"{self._value(source, slug)} as {quote(slug)}" for slug in slugs]
        shown.append(f"{row_hash_expression(relation, source.alias)} as _hash")
        return f"select {', '.join(shown)} from {_from_clause(source)}"  # noqa: S608 - slugs and names, quoted

    def _source(self, relation: Relation) -> _Source:
        self._aliases += 1
        return _Source(relation, f"a{self._aliases}")

    def _value(self, source: _Source, slug: str) -> str:
        """A column of any kind as an expression; what it needs is joined to the source."""
        relation, alias = source.relation, source.alias
        if slug in SYSTEM_COLUMNS:
            return _system_column(relation, alias, slug)
        column = relation.column(slug)
        if column is None:
            raise InvalidColumn(f"The model {relation.slug} has no column {slug}.")
        if column.kind in STORED:
            return f"{alias}.{quote(column.slug)}"
        if column.slug not in source.made:
            self._aliases += 1
            joined = f"j{self._aliases}"
            made, value = self._metric(source, column, joined) if column.kind == "metric" else self._lookup(source, column, joined)
            # At most one row for each record, and the planner can tell: it drops the join where nobody reads the column.
            source.joins.append(made)
            source.made[column.slug] = value
        return source.made[column.slug]

    def _metric(self, source: _Source, column: Column, joined: str) -> tuple[str, str]:
        link, related, outward = metric_relationship(self._catalog, source.relation, column)
        own = (link.from_column, link.from_property) if outward else (link.to_column, link.to_property)
        other = (link.to_column, link.to_property) if outward else (link.from_column, link.from_property)
        pattern, slug = metric_aggregate(related, column)
        rows, mine, theirs = self._related(source, own, related, other, column, slug)
        if not self._grouped:
            return _lateral_join(rows, mine, theirs, column, pattern, slug, joined), f"{joined}.value"
        made = f"{pattern.format(f'b.{quote(slug)}')}::{SQL_TYPES[column.type]}"
        groups = f"(select {theirs} as key, {made} as value from {rows} group by 1)"  # noqa: S608 - slugs and names, quoted
        join = f"left join {groups} as {joined} on {joined}.key = {mine}"
        # Who has nothing related is in no group.
        return join, f"coalesce({joined}.value, 0)" if pattern.startswith("count") else f"{joined}.value"

    def _lookup(self, source: _Source, column: Column, joined: str) -> tuple[str, str]:
        related = lookup_model(self._catalog, column)
        join = column.definition["join"]
        extract = str(column.definition["extractColumnSlug"])
        own, other = (str(join["fromColumnSlug"]), None), (str(join["toColumnSlug"]), None)
        # The first by id, so that the same data always gives the same answer.
        rows, mine, theirs = self._related(source, own, related, other, column, extract)
        pattern = "(array_agg({} order by b._id))[1]"
        return _lateral_join(rows, mine, theirs, column, pattern, extract, joined), f"{joined}.value"

    def _related(
        self, source: _Source, own: tuple[str, str | None], related: Relation, other: tuple[str, str | None], column: Column, slug: str
    ) -> tuple[str, str, str]:
        """The related records that the column's filter leaves, as `b` in a FROM clause, and what joins them: our value and theirs."""
        raw: Mapping[str, Any] | None = column.definition.get("filter") or None
        inner = self._source(related)
        needed = dict.fromkeys(["_id", slug, other[0], *filter_columns(raw)])
        rows = ", ".join(f"{self._value(inner, one)} as {quote(one)}" for one in needed)
        mine, mine_type = self._key(source, own)
        theirs, theirs_type = _property(f"b.{quote(other[0])}", _type(related, other[0]), other[1])
        if mine_type != theirs_type:
            mine, theirs = _as_text(mine, mine_type), _as_text(theirs, theirs_type)
        found = f"(select {rows} from {_from_clause(inner)}) as b"  # noqa: S608 - slugs and names, quoted
        if raw:
            found = f"(select * from {found} where {self._condition(raw, related, 'b')}) as b"  # noqa: S608 - compiled
        return found, mine, theirs

    def _key(self, source: _Source, own: tuple[str, str | None]) -> tuple[str, ColumnType]:
        return _property(self._value(source, own[0]), _type(source.relation, own[0]), own[1])


def _lateral_join(rows: str, mine: str, theirs: str, column: Column, pattern: str, slug: str, joined: str) -> str:
    made = f"{pattern.format(f'b.{quote(slug)}')}::{SQL_TYPES[column.type]}"
    return f"left join lateral (select {made} as value from {rows} where {theirs} = {mine}) as {joined} on true"  # noqa: S608


def metric_relationship(catalog: Catalog, relation: Relation, column: Column) -> tuple[Link, Relation, bool]:
    """The relationship of a metric, the related model, and whether it starts from this model. Raises InvalidColumn."""
    named = ids.parse(str(column.definition.get("relationshipUuid")))
    link = catalog.link(named) if named else None
    if link is None or relation.model not in {link.from_model, link.to_model}:
        raise InvalidColumn(f"The model {relation.slug} has no relationship {column.definition.get('relationshipUuid')}.")
    outward = link.from_model == relation.model
    return link, _related_model(catalog, link.to_model if outward else link.from_model), outward


def lookup_model(catalog: Catalog, column: Column) -> Relation:
    """The model that a lookup takes its value from. Raises InvalidColumn."""
    join = cast("Mapping[str, Any]", column.definition.get("join") or {})
    named = ids.parse(str(join.get("toModelUuid")))
    if named is None:
        raise InvalidColumn("A lookup needs `join.toModelUuid`.")
    return _related_model(catalog, named)


def metric_aggregate(related: Relation, column: Column) -> tuple[str, str]:
    """The aggregate of a metric as a pattern, and the column that it is of. Raises InvalidColumn where the two do not fit."""
    rule = cast("Mapping[str, Any]", column.definition.get("aggregation") or {})
    function, slug = str(rule.get("function", "")).upper(), str(rule.get("columnSlug") or "_id")
    kind = _type(related, slug)
    if function not in AGGREGATES:
        raise InvalidColumn(f"{function or 'null'} is no aggregation; take {', '.join(sorted(AGGREGATES))}.")
    if function in {"AVG", "SUM"} and kind != "number":
        raise InvalidColumn(f"{function} needs a column of numbers, and {slug} is {kind}.")
    if function in {"MIN", "MAX"} and kind not in _ORDERED_TYPES:
        raise InvalidColumn(f"{function} needs a column of numbers, dates or texts, and {slug} is {kind}.")
    return f"{function.lower()}({{}})", slug


def natural_type(catalog: Catalog, relation: Relation, column: Column) -> ColumnType:
    """The type that a metric or lookup has by itself. Raises InvalidColumn where it cannot be computed."""
    if column.kind == "lookup":
        return _type(lookup_model(catalog, column), str(column.definition["extractColumnSlug"]))
    _, related, _ = metric_relationship(catalog, relation, column)
    pattern, slug = metric_aggregate(related, column)
    return _type(related, slug) if pattern[:3] in {"min", "max"} else "number"


def columns_read(catalog: Catalog, relation: Relation, column: Column) -> Iterable[tuple[Relation, str]]:
    """What a metric or lookup reads directly: `(relation, column slug)`, its own join column included. Raises InvalidColumn."""
    if column.kind == "metric":
        link, related, outward = metric_relationship(catalog, relation, column)
        own, other = (link.from_column, link.to_column) if outward else (link.to_column, link.from_column)
        read = [other, metric_aggregate(related, column)[1]]
    elif column.kind == "lookup":
        related, join = lookup_model(catalog, column), column.definition["join"]
        own, read = str(join["fromColumnSlug"]), [str(join["toColumnSlug"]), str(column.definition["extractColumnSlug"])]
    else:
        return
    _type(relation, own)
    yield relation, own
    for slug in (*read, *filter_columns(column.definition.get("filter"))):
        _type(related, slug)
        yield related, slug


def join_columns(catalog: Catalog, relation: Relation) -> dict[str, str]:
    """The column that each metric or lookup of a model is joined by, by their slugs; those that cannot be computed are left out."""
    found: dict[str, str] = {}
    for column in relation.columns:
        with suppress(InvalidColumn):
            for one, slug in columns_read(catalog, relation, column):
                if one is relation and column.slug not in found:
                    found[column.slug] = slug
    return found


def filter_columns(raw: Mapping[str, Any] | None) -> list[str]:
    """The columns that a filter names, each once."""
    found: dict[str, None] = {}

    def walk(value: object) -> None:
        if isinstance(value, Mapping):
            entries = cast("Mapping[str, object]", value)
            named = next((entries[key] for key in ("columnSlug", "slug", "field") if isinstance(entries.get(key), str)), None)
            if isinstance(named, str):
                kind, _, plain = named.partition("__")
                found[plain if kind in _KINDS and plain else named] = None
            for inner in entries.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in cast("list[object]", value):
                walk(inner)

    walk(raw)
    return list(found)


_KINDS = frozenset({"original", "custom", "computed", "metric", "lookup"})


def _related_model(catalog: Catalog, model: uuid.UUID) -> Relation:
    found = catalog.by_model(model)
    if found is None:
        raise InvalidColumn(f"There is no model {model}.")
    return found


def _type(relation: Relation, slug: str) -> ColumnType:
    column = relation.column(slug)
    if column is None:
        raise InvalidColumn(f"The model {relation.slug} has no column {slug}.")
    return column.type


def _system_column(relation: Relation, alias: str, slug: str) -> str:
    if slug == "_title":
        title = relation.column(relation.title_column) if relation.title_column else None
        if title is None or title.kind not in STORED:
            return f"{alias}._id"
        return f"coalesce({_as_text(f'{alias}.{quote(title.slug)}', title.type)}, {alias}._id)"
    if slug == "_time":
        time = relation.column(relation.time_column) if relation.time_column else None
        return f"coalesce({alias}.{quote(time.slug)}, {alias}._emitted_at)" if time else f"{alias}._emitted_at"
    return f"{alias}.{slug}"


def _property(value: str, kind: ColumnType, name: str | None) -> tuple[str, ColumnType]:
    if name is None:
        return value, kind
    return f"({value} ->> '{name.replace(chr(39), chr(39) * 2)}')", "string"


def _as_text(value: str, kind: ColumnType) -> str:
    return value if kind == "string" else f"({value} #>> '{{}}')" if kind in {"object", "array", "any"} else f"{value}::text"


def _from_clause(source: _Source) -> str:
    own = f"{qualify(source.relation.schema, source.relation.table)} as {source.alias}"
    return " ".join([own, *source.joins])
