"""Column definitions: find what columns read, check that, and replace the view that shows all columns of a model."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from psycopg import sql
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlglot import exp

from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import errors_of
from cargo_ai.records import ddl, lookup_triggers
from cargo_ai.records.catalog import Catalog, Column, Relation
from cargo_ai.records.column_kinds import KINDS, InvalidColumn
from cargo_ai.records.filter import compile as filters
from cargo_ai.records.filter.terms import FilterContext, InvalidFilter
from cargo_ai.records.views import CompileFilter, Views
from cargo_ai.store.driver import driver_connection

ColumnRef = tuple[uuid.UUID, str]
"""A column: (model, slug)."""


def reads(catalog: Catalog, relation: Relation, column: Column) -> Iterator[ColumnRef]:
    """The columns that a column reads directly. Raises InvalidColumn when it names one that does not exist."""
    return ((other.model, slug) for other, slug in KINDS[column.kind].uses(catalog, relation, column))


def readers(catalog: Catalog, ref: ColumnRef) -> list[tuple[Relation, Column]]:
    """The columns that read this one directly."""
    reading: list[tuple[Relation, Column]] = []
    for relation in catalog.relations:
        for column in relation.columns:
            if (relation.model, column.slug) != ref and _reads_column(catalog, relation, column, ref):
                reading.append((relation, column))
    return reading


def _reads_column(catalog: Catalog, relation: Relation, column: Column, ref: ColumnRef) -> bool:
    try:
        return ref in reads(catalog, relation, column)
    except InvalidColumn:
        return False


def check(catalog: Catalog, relation: Relation, column: Column) -> None:
    """Raise InvalidColumn when the column names what does not exist, does not fit, or leads back to itself. `catalog` already has it."""
    _refuse_circular(catalog, relation, column, ())
    kind = KINDS[column.kind]
    if column.is_computed_on_write:
        for other, slug in kind.uses(catalog, relation, column):
            read = other.column(slug)
            if read is not None and read.kind == "lookup":
                lookup_triggers.source_of(catalog, relation, read)
                _refuse_relative(catalog, relation, read)
            elif read is not None and read.is_computed_by_view:
                raise InvalidColumn(
                    f"A computed column reads columns that are kept in the record, and lookups; {slug} is a {read.kind}, "
                    "which changes without the record being written."
                )
    filtered = kind.filtered_model(catalog, relation, column) if column.definition.get("filter") else None
    if filtered is not None:
        condition(catalog)(column.definition["filter"], filtered, "b")


def _refuse_relative(catalog: Catalog, relation: Relation, lookup: Column) -> None:
    """Raise InvalidColumn for a lookup whose filter lets other records through as time passes, without any being written."""
    related = KINDS[lookup.kind].filtered_model(catalog, relation, lookup) if lookup.definition.get("filter") else None
    if related is None:
        return
    scope = FilterContext(catalog, clock.now())
    filters.compile_filter(Filter.model_validate(lookup.definition["filter"]), related, "b", scope)
    if scope.live:
        sentence = f"{lookup.slug} has a filter that is relative to the present time: its values change without a record being written."
        raise InvalidColumn(f"A computed column cannot read it: {sentence}")


def _refuse_circular(
    catalog: Catalog, relation: Relation, column: Column, path: tuple[ColumnRef, ...], checked: set[ColumnRef] | None = None
) -> None:
    """`checked`: columns that do not lead back, so that none is looked at twice."""
    ref, checked = (relation.model, column.slug), set[ColumnRef]() if checked is None else checked
    if ref in path:
        names = (f"{model.slug if (model := catalog.by_model(uid)) else uid}.{slug}" for uid, slug in (*path[path.index(ref) :], ref))
        raise InvalidColumn(f"The column {column.slug} would need itself: {' → '.join(names)}.")
    for model, slug in reads(catalog, relation, column) if ref not in checked else ():
        other = catalog.by_model(model)
        read_column = other.column(slug) if other else None
        if other is not None and read_column is not None and read_column.derived:
            _refuse_circular(catalog, other, read_column, (*path, ref), checked)
    checked.add(ref)


def condition(catalog: Catalog) -> CompileFilter:
    """The function that compiles the filter of a metric or lookup for a view, with its values inlined. It raises InvalidColumn."""

    def compiled(raw: Mapping[str, Any], relation: Relation, alias: str) -> str:
        try:
            filter = Filter.model_validate(raw)
        except ValidationError as failure:
            first = errors_of(failure)[0]
            raise InvalidColumn(f"filter.{first['path']}: {first['message']}") from None
        if set(_kinds(raw)) & {"segment", "enrollment", "occurrence", "sql"} or "relatedModelUuid" in str(raw):
            raise InvalidColumn("The filter of a column has conditions on columns of the related model only.")
        scope = FilterContext(catalog, clock.now())
        try:
            where = filters.compile_filter(filter, relation, alias, scope)
        except InvalidFilter as fault:
            raise InvalidColumn(str(fault)) from None
        values = {name: scope.live.get(name) or _literal(value) for name, value in scope.bound.items()}
        return where.transform(_inline_values, values).sql(dialect="postgres")

    return compiled


def _kinds(raw: object) -> Iterator[str]:
    if isinstance(raw, Mapping):
        kind: object = raw.get("kind")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(kind, str):
            yield kind
        for inner in raw.values():  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            yield from _kinds(inner)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(raw, list):
        for inner in raw:  # pyright: ignore[reportUnknownVariableType]
            yield from _kinds(inner)  # pyright: ignore[reportUnknownArgumentType]


def _literal(value: Any) -> str:
    """A bound value as SQL."""
    return sql.Literal(value.astimezone(UTC) if isinstance(value, datetime) else value).as_string(None)


def _inline_values(node: exp.Expr, values: Mapping[str, str]) -> exp.Expr:
    if not isinstance(node, exp.Placeholder):
        return node
    return exp.Paren(this=exp.Var(this=values[str(node.this)]))


async def replace_views(db: AsyncSession, catalog: Catalog, relations: Iterable[Relation], before: Iterable[str] = ()) -> None:
    """Create the views of these relations again, after the statements of `before`. Refusal (503) when a table is in use."""
    views = Views(catalog, condition(catalog))
    statements = [*before, *(statement for relation in relations for statement in views.create(relation))]
    await alter_tables(db, statements)


def select_with_grouped_metrics(catalog: Catalog, relation: Relation) -> str:
    """The select of a relation's view in the form that computes its metrics for all records at once."""
    return Views(catalog, condition(catalog), grouped=True).select(relation)


async def alter_tables(db: AsyncSession, statements: Iterable[str]) -> None:
    """Change tables in the session's transaction. Refusal (503) when one of them is in use."""
    try:
        await ddl.run_exclusively(await driver_connection(db), list(statements))
    except ddl.TableBusy:
        sentence = "The model is being read or written by longer work right now, so it could not be changed. Try again in a moment."
        raise Refusal(503, "databaseUnavailable", sentence, headers={"Retry-After": "2"}) from None
