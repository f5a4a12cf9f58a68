"""The view of a model: one select that shows its columns of every kind, metrics and lookups computed as they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Catalog, Column, LinkEnd, Relation
from cargo_ai.records.column_kinds import KINDS, InvalidColumn, filter_slugs, text_of, type_of
from cargo_ai.records.hashing import row_hash_expression
from cargo_ai.records.names import literal, qualify, quote

CompileFilter = Callable[[Mapping[str, Any], Relation, str], str]
"""(filter, relation, alias) → SQL with its values written out. Raises InvalidColumn."""


class RelatedRows(NamedTuple):
    """The related records of a metric or lookup, as `b` in a FROM clause, and the two values that are equal where one belongs to ours."""

    text: str
    mine: str
    theirs: str


@dataclass(slots=True)
class Source:
    """A table under an alias, the joins beside it, and the columns that come from them, by slug."""

    relation: Relation
    alias: str
    joins: list[str] = field(default_factory=list[str])
    computed: dict[str, str] = field(default_factory=dict[str, str])

    def join_lateral(self, rows: RelatedRows, value: str, joined: str) -> str:
        """Compute an aggregate of the related rows for each record; the expression that reads it."""
        # At most one row for each record, and the planner can tell: it drops the join where nothing reads the column.
        related = f"select {value} as value from {rows.text} where {rows.theirs} = {rows.mine}"  # noqa: S608 - quoted names
        self.joins.append(f"left join lateral ({related}) as {joined} on true")
        return f"{joined}.value"


class Views:
    """Writes views of one catalog. No view refers to another, so that each can be replaced on its own.

    A metric is computed record by record, which is right for a few of them: each is one look into an index. `grouped` writes the
    select that computes it for all of them at once, in one pass over what is related.
    """

    def __init__(self, catalog: Catalog, condition: CompileFilter, *, grouped: bool = False) -> None:
        self.catalog, self.grouped = catalog, grouped
        self._condition = condition
        self._aliases = 0

    def create(self, relation: Relation) -> list[str]:
        """The statements that put the view in place of the present one. Raises InvalidColumn."""
        name = qualify(relation.schema, relation.view)
        return [f"drop view if exists {name}", f"create view {name} as {self.select(relation)}"]

    def select(self, relation: Relation) -> str:
        """Every column under its plain slug, the system columns and `_hash`."""
        source = self._source(relation)
        slugs = [*SYSTEM_COLUMNS, *(column.slug for column in relation.columns)]
        columns = [f"{self.read(source, slug)} as {quote(slug)}" for slug in slugs]
        columns.append(f"{row_hash_expression(relation, source.alias)} as _hash")
        return f"select {', '.join(columns)} from {_from_clause(source)}"  # noqa: S608 - quoted names

    def alias(self, prefix: str) -> str:
        """A fresh alias."""
        self._aliases += 1
        return f"{prefix}{self._aliases}"

    def _source(self, relation: Relation) -> Source:
        return Source(relation, self.alias("a"))

    def read(self, source: Source, slug: str) -> str:
        """The expression of a column of any kind; what it needs is joined to the source. Raises InvalidColumn."""
        column = source.relation.column(slug)
        if column is None:
            raise InvalidColumn(f"The model {source.relation.slug} has no column {slug}.")
        if column.slug not in source.computed:
            source.computed[column.slug] = KINDS[column.kind].read(self, source, column)
        return source.computed[column.slug]

    def related_rows(self, source: Source, own: LinkEnd, related: Relation, other: LinkEnd, column: Column, slug: str) -> RelatedRows:
        """The rows of `related` that the column's filter leaves: their id, `slug`, and what joins them to `source`."""
        raw: Mapping[str, Any] | None = column.definition.get("filter") or None
        inner = self._source(related)
        needed = dict.fromkeys(["_id", slug, other[0], *filter_slugs(raw)])
        columns = ", ".join(f"{self.read(inner, name)} as {quote(name)}" for name in needed)
        mine, mine_type = self._join_value(source, own)
        theirs, theirs_type = _property(f"b.{quote(other[0])}", type_of(related, other[0]), other[1])
        if mine_type != theirs_type:
            mine, theirs = text_of(mine, mine_type), text_of(theirs, theirs_type)
        rows = f"(select {columns} from {_from_clause(inner)}) as b"  # noqa: S608 - quoted names
        if raw:
            rows = f"(select * from {rows} where {self._condition(raw, related, 'b')}) as b"  # noqa: S608 - a compiled filter
        return RelatedRows(rows, mine, theirs)

    def _join_value(self, source: Source, own: LinkEnd) -> tuple[str, ColumnType]:
        return _property(self.read(source, own[0]), type_of(source.relation, own[0]), own[1])


def join_columns(catalog: Catalog, relation: Relation) -> dict[str, str]:
    """The column that each metric or lookup of a model is joined by, by their slugs; those that cannot be computed are left out."""
    joins: dict[str, str] = {}
    for column in relation.columns:
        if column.is_computed_by_view:
            with suppress(InvalidColumn):
                joins[column.slug] = next(slug for model, slug in KINDS[column.kind].uses(catalog, relation, column) if model is relation)
    return joins


def _property(value: str, kind: ColumnType, name: str | None) -> tuple[str, ColumnType]:
    return (value, kind) if name is None else (f"({value} ->> {literal(name)})", "string")


def _from_clause(source: Source) -> str:
    return " ".join([f"{qualify(source.relation.schema, source.relation.table)} as {source.alias}", *source.joins])
