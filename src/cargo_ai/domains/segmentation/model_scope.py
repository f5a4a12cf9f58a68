"""Model scopes: some columns of a model and the records that a filter matches, as a table for SQL and as a limit for writes."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlglot import exp

from cargo_ai.contract.segmentation.filter import EVERYTHING
from cargo_ai.domains.segmentation import batch_chunks, select_records
from cargo_ai.domains.segmentation.select_records import Selection
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Catalog, Relation
from cargo_ai.records.filter import terms
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store import driver
from cargo_ai.store.session import turns_of
from cargo_ai.user_sql.run import conditions


@dataclass(frozen=True, slots=True)
class ModelScope:
    """table: the scope as user SQL sees it, under a name of its own. model: the whole model. columns: the slugs that are within it."""

    table: Relation
    model: Relation
    columns: frozenset[str]
    selection: Selection
    everything: bool


async def model_scope(
    db: AsyncSession, catalog: Catalog, model: uuid.UUID, name: str, filter: JsonObject | None, columns: Collection[str] | None
) -> ModelScope | None:
    """The scope of a model of the session's workspace; None where there is no such model. Raises InvalidFilter, also for unknown columns.

    Besides the columns that are named (None: all) it shows `_id` and when a record was created and updated; the title and the time where
    the columns that they are made of are named.
    """
    relation = catalog.by_model(model)
    if relation is None:
        return None
    parsed, _ = batch_chunks.parse_filter(relation, filter, None)
    selection = await select_records.select(db, catalog.workspace, model, parsed, None, None, catalog)
    if selection is None:
        return None
    named = None if columns is None else {terms.find_column(relation, slug).slug for slug in columns}
    shown = [SYSTEM_COLUMNS[slug] for slug in _system_columns(relation, named)]
    shown += [column for column in relation.columns if named is None or column.slug in named]
    everything = parsed == EVERYTHING
    table = replace(
        relation,
        slug=name,
        dataset="",
        system=False,
        columns=tuple(shown),
        source=await _source(db, selection, [column.slug for column in shown], fenced=not everything),
        reads=_relations_in(selection, catalog),
    )
    return ModelScope(table, relation, frozenset(column.slug for column in shown), selection, everything)


def _system_columns(relation: Relation, named: Collection[str] | None) -> list[str]:
    shown = ["_id"]
    if named is None or (relation.title_column is not None and relation.title_column in named):
        shown.append("_title")
    if named is None or (relation.time_column is not None and relation.time_column in named):
        shown.append("_time")
    return [*shown, "_created_at", "_updated_at"]


async def _source(db: AsyncSession, selection: Selection, shown: Sequence[str], *, fenced: bool) -> str:
    """The select of the scope, its values written out, since user SQL takes no parameters. fenced: the filter is evaluated before any
    condition of the query around it, whose errors would otherwise speak of records outside of it."""
    query = exp.Select(expressions=[terms.column_ref("r", slug) for slug in shown]).from_(terms.view(selection.relation, "r"))
    query = query.where(selection.where)
    if fenced:
        query = query.offset(0)
    connection = await driver.driver_connection(db)
    return psycopg.AsyncClientCursor(connection).mogrify(terms.to_sql(query).encode(), selection.scope.bound)


def _relations_in(selection: Selection, catalog: Catalog) -> tuple[Relation, ...]:
    """The models that the filter reads. InvalidFilter where it reads something else, which user SQL must not."""
    by_view = {(relation.schema, relation.view): relation for relation in catalog.relations}
    read: dict[uuid.UUID, Relation] = {}
    for table in selection.where.find_all(exp.Table):
        relation = by_view.get((table.db, table.name))
        if relation is None:
            raise InvalidFilter("Conditions on runs of workflows cannot be used here: write what they say into a column, and filter by it.")
        read[relation.model] = relation
    return tuple(read.values())


async def within(db: AsyncSession, scope: ModelScope, uids: Sequence[str]) -> set[str]:
    """Which of these records are within the scope now. Raises InvalidFilter where that cannot be evaluated."""
    ids = exp.Select(expressions=[terms.function("UNNEST", exp.cast(exp.Placeholder(this="ids"), "text[]"))])
    statement = terms.to_sql(scope.selection.members(among=ids))
    connection = await driver.driver_connection(db)
    async with conditions.limit(turns_of(db), connection, scope.selection.scope):
        rows = await driver.fetch(connection, statement, {**scope.selection.scope.params, "ids": list(uids)})
    return {str(row[0]) for row in rows}
