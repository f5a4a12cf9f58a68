"""The kinds of columns that a model can have: one class per kind, which says where the values are and how a view reads them.

A new kind is a class here, its wire type in `contract/storage/columns.py`, and its test.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from cargo_ai.expression import compile_config
from cargo_ai.kernel import ids
from cargo_ai.records.names import quote, strip_kind

if TYPE_CHECKING:
    from cargo_ai.contract.storage.columns import ColumnType
    from cargo_ai.records.catalog import Catalog, Column, Link, Relation
    from cargo_ai.records.views import Source, Views

AGGREGATES = frozenset({"AVG", "COUNT", "MAX", "MIN", "SUM"})
_ORDERED_TYPES = frozenset({"string", "number", "date"})
_JSON_TYPES = frozenset({"object", "array", "any"})
_RECORD_PROPERTY = re.compile(r"\brecord\s*(?:\?\.|\.)\s*([A-Za-z_$][\w$]*)|\brecord\s*(?:\?\.)?\[\s*(['\"])(.+?)\2\s*\]")


class InvalidColumn(ValueError):
    """A column cannot be computed as it is defined; the message says why."""


class ColumnKind:
    """A kind of column. `definition` of its columns is what the wire type of that kind has."""

    name: ClassVar[str]
    stored: ClassVar[bool] = False
    """The table has its values; otherwise the view computes them when they are read."""
    writable: ClassVar[bool] = False
    """Users write its values."""
    derived: ClassVar[bool] = False
    """Its values are made from those of other columns: `uses` says which."""
    grouped: ClassVar[bool] = False
    """A view can compute it for all records in one pass as well as record by record."""

    def ddl(self, column: Column) -> str:
        """Its column of the table, for `create table` and `add column`; only of kinds that are stored."""
        return f"{quote(column.slug)} {column.sql_type}"

    def read(self, views: Views, source: Source, column: Column) -> str:
        """The expression that a view reads it by, over the table and the joins of `source`, to which it may add one."""
        return f"{source.alias}.{quote(column.slug)}"

    def uses(self, catalog: Catalog, relation: Relation, column: Column) -> Iterable[tuple[Relation, str]]:
        """The columns that it is made from, as `(relation, slug)`. Raises InvalidColumn where one is missing or does not fit."""
        return ()

    def natural_type(self, catalog: Catalog, relation: Relation, column: Column) -> ColumnType | None:
        """The type of what it computes; None where users choose the type. Raises InvalidColumn."""
        return None

    def filtered_model(self, catalog: Catalog, relation: Relation, column: Column) -> Relation | None:
        """The model whose records its `filter` selects, if it may have one. Raises InvalidColumn."""
        return None

    def lookup_keys(self, catalog: Catalog, column: Column) -> list[tuple[Relation, str]]:
        """The columns of other models that its values are looked up by: they get an index."""
        return []


class System(ColumnKind):
    """The columns that every model has, from `_id` to `_updated_at`."""

    name = "system"

    def read(self, views: Views, source: Source, column: Column) -> str:
        relation, alias = source.relation, source.alias
        if column.slug == "_title":
            title = relation.column(relation.title_column) if relation.title_column else None
            if title is None or not title.stored:
                return f"{alias}._id"
            return f"coalesce({text_of(f'{alias}.{quote(title.slug)}', title.type)}, {alias}._id)"
        if column.slug == "_time":
            time = relation.column(relation.time_column) if relation.time_column else None
            return f"coalesce({alias}.{quote(time.slug)}, {alias}._emitted_at)" if time else f"{alias}._emitted_at"
        return f"{alias}.{column.slug}"


class Original(ColumnKind):
    """A column that the model was made with."""

    name = "original"
    stored = writable = True


class Custom(ColumnKind):
    """A column that users added, to be written."""

    name = "custom"
    stored = writable = True


class Computed(ColumnKind):
    """An expression over the record, evaluated whenever the record is written."""

    name = "computed"
    stored = derived = True

    def uses(self, catalog: Catalog, relation: Relation, column: Column) -> Iterator[tuple[Relation, str]]:
        slugs = {other.slug for other in relation.columns}
        for slug in record_slugs(compile_config(column.definition["expression"]).sources):
            if slug in slugs:
                yield relation, slug


class Metric(ColumnKind):
    """An aggregate over the records that a relationship leads to."""

    name = "metric"
    derived = grouped = True

    def read(self, views: Views, source: Source, column: Column) -> str:
        link, related, outward = self._relationship(views.catalog, source.relation, column)
        own, other = (link.start, link.end) if outward else (link.end, link.start)
        aggregate, slug = self._aggregate(related, column)
        joined = views.alias("j")
        rows = views.related_rows(source, own, related, other, column, slug)
        value = f"{aggregate}(b.{quote(slug)})::{column.sql_type}"
        if not views.grouped:
            return source.join_lateral(rows, value, joined)
        groups = f"(select {rows.theirs} as key, {value} as value from {rows.text} group by 1)"  # noqa: S608 - quoted names
        source.joins.append(f"left join {groups} as {joined} on {joined}.key = {rows.mine}")
        # A record with nothing related is in no group.
        return f"coalesce({joined}.value, 0)" if aggregate == "count" else f"{joined}.value"

    def uses(self, catalog: Catalog, relation: Relation, column: Column) -> Iterator[tuple[Relation, str]]:
        link, related, outward = self._relationship(catalog, relation, column)
        own, other = (link.from_column, link.to_column) if outward else (link.to_column, link.from_column)
        return _uses(relation, own, related, [other, self._aggregate(related, column)[1]], column)

    def natural_type(self, catalog: Catalog, relation: Relation, column: Column) -> ColumnType:
        _, related, _ = self._relationship(catalog, relation, column)
        aggregate, slug = self._aggregate(related, column)
        return type_of(related, slug) if aggregate in {"min", "max"} else "number"

    def filtered_model(self, catalog: Catalog, relation: Relation, column: Column) -> Relation:
        return self._relationship(catalog, relation, column)[1]

    def _relationship(self, catalog: Catalog, relation: Relation, column: Column) -> tuple[Link, Relation, bool]:
        """The relationship, the related model, and whether it leads from this model. Raises InvalidColumn."""
        uid = ids.parse(str(column.definition.get("relationshipUuid")))
        link = catalog.link(uid) if uid else None
        if link is None or relation.model not in {link.from_model, link.to_model}:
            raise InvalidColumn(f"The model {relation.slug} has no relationship {column.definition.get('relationshipUuid')}.")
        outward = link.from_model == relation.model
        return link, _model(catalog, link.to_model if outward else link.from_model), outward

    def _aggregate(self, related: Relation, column: Column) -> tuple[str, str]:
        """The aggregate function and the column that it is of. Raises InvalidColumn where the two do not fit."""
        rule = cast("Mapping[str, Any]", column.definition.get("aggregation") or {})
        function, slug = str(rule.get("function", "")).upper(), str(rule.get("columnSlug") or "_id")
        kind = type_of(related, slug)
        if function not in AGGREGATES:
            raise InvalidColumn(f"{function or 'null'} is not an aggregation; take {', '.join(sorted(AGGREGATES))}.")
        if function in {"AVG", "SUM"} and kind != "number":
            raise InvalidColumn(f"{function} needs a column of numbers, and {slug} is {kind}.")
        if function in {"MIN", "MAX"} and kind not in _ORDERED_TYPES:
            raise InvalidColumn(f"{function} needs a column of numbers, dates or texts, and {slug} is {kind}.")
        return function.lower(), slug


class Lookup(ColumnKind):
    """One field of a related record: of the first by id, so that the same data always gives the same answer."""

    name = "lookup"
    derived = True

    def read(self, views: Views, source: Source, column: Column) -> str:
        related, own, other, extract = self._join(views.catalog, column)
        joined = views.alias("j")
        rows = views.related_rows(source, (own, None), related, (other, None), column, extract)
        return source.join_lateral(rows, f"(array_agg(b.{quote(extract)} order by b._id))[1]::{column.sql_type}", joined)

    def uses(self, catalog: Catalog, relation: Relation, column: Column) -> Iterator[tuple[Relation, str]]:
        related, own, other, extract = self._join(catalog, column)
        return _uses(relation, own, related, [other, extract], column)

    def natural_type(self, catalog: Catalog, relation: Relation, column: Column) -> ColumnType:
        related, _, _, extract = self._join(catalog, column)
        return type_of(related, extract)

    def filtered_model(self, catalog: Catalog, relation: Relation, column: Column) -> Relation:
        return self._join(catalog, column)[0]

    def lookup_keys(self, catalog: Catalog, column: Column) -> list[tuple[Relation, str]]:
        related, _, other, _ = self._join(catalog, column)
        return [(related, other)]

    def _join(self, catalog: Catalog, column: Column) -> tuple[Relation, str, str, str]:
        """The related model, our column and theirs that must be equal, and the column of theirs to show. Raises InvalidColumn."""
        join = cast("Mapping[str, Any]", column.definition.get("join") or {})
        uid = ids.parse(str(join.get("toModelUuid")))
        if uid is None:
            raise InvalidColumn("A lookup needs `join.toModelUuid`.")
        related = _model(catalog, uid)
        return related, str(join["fromColumnSlug"]), str(join["toColumnSlug"]), str(column.definition["extractColumnSlug"])


KINDS: Mapping[str, ColumnKind] = {kind.name: kind for kind in (System(), Original(), Custom(), Computed(), Metric(), Lookup())}


def record_slugs(sources: Iterable[str]) -> frozenset[str]:
    """The slugs that expressions read of `record`, as far as their text says."""
    names = (dotted or bracketed for source in sources for dotted, _, bracketed in _RECORD_PROPERTY.findall(source))
    return frozenset(strip_kind(name) for name in names)


def filter_slugs(raw: Mapping[str, Any] | None) -> list[str]:
    """The columns that a filter of the wire names, each once."""
    slugs: dict[str, None] = {}

    def visit(value: object) -> None:
        if isinstance(value, Mapping):
            entries = cast("Mapping[str, object]", value)
            name = next((entries[key] for key in ("columnSlug", "slug", "field") if isinstance(entries.get(key), str)), None)
            if isinstance(name, str):
                slugs[strip_kind(name)] = None
            for inner in entries.values():
                visit(inner)
        elif isinstance(value, list):
            for inner in cast("list[object]", value):
                visit(inner)

    visit(raw)
    return list(slugs)


def type_of(relation: Relation, slug: str) -> ColumnType:
    """The type of a column. Raises InvalidColumn where the model has no such column."""
    column = relation.column(slug)
    if column is None:
        raise InvalidColumn(f"The model {relation.slug} has no column {slug}.")
    return column.type


def text_of(value: str, kind: str) -> str:
    """An expression of this type as text."""
    return value if kind == "string" else f"({value} #>> '{{}}')" if kind in _JSON_TYPES else f"{value}::text"


def _uses(relation: Relation, own: str, related: Relation, slugs: Iterable[str], column: Column) -> Iterator[tuple[Relation, str]]:
    """Our column of the join, then theirs and those of the filter. Raises InvalidColumn where one is missing."""
    type_of(relation, own)
    yield relation, own
    for slug in (*slugs, *filter_slugs(column.definition.get("filter"))):
        type_of(related, slug)
        yield related, slug


def _model(catalog: Catalog, model: uuid.UUID) -> Relation:
    relation = catalog.by_model(model)
    if relation is None:
        raise InvalidColumn(f"There is no model {model}.")
    return relation
