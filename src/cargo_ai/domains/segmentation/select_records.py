"""Record selection: build and run the statements that read the records of a filter: a page, their number, all in order."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlglot import exp

from cargo_ai.contract.segmentation.filter import Filter, Sort
from cargo_ai.contract.segmentation.segment import RecordColumn
from cargo_ai.domains.segmentation.filter_scope import build_scope
from cargo_ai.domains.storage import public as storage
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Catalog, Column, Relation
from cargo_ai.records.column_kinds import KINDS
from cargo_ai.records.filter import compile, terms
from cargo_ai.records.filter.terms import FilterContext
from cargo_ai.records.values import to_wire
from cargo_ai.store import driver
from cargo_ai.store.session import turns_of
from cargo_ai.user_sql.run import conditions

SHOWN_SYSTEM_COLUMNS = ("_id", "_title", "_time")


@dataclass(frozen=True, slots=True)
class Selection:
    """The records of one model that a filter matches, in an order, at most `limit` of them.

    `source`: the select to read from instead of the model's view: one that computes metrics for all records at once.
    """

    catalog: Catalog
    relation: Relation
    where: exp.Expr
    order: list[exp.Expr]
    limit: int | None
    scope: FilterContext
    source: str | None = None

    @property
    def columns(self) -> list[Column]:
        """The columns that its records show, system ones first."""
        return [*(SYSTEM_COLUMNS[slug] for slug in SHOWN_SYSTEM_COLUMNS), *self.relation.columns]

    def page(self, limit: int, offset: int) -> str:
        """The statement for one page. An inner select finds the ids, from an index alone where one has all that is needed; the columns,
        metrics among them, are then read for these records only."""
        if self.limit is not None:
            limit = max(0, min(limit, self.limit - offset))
        chosen = self._select([terms.column_ref("r", "_id")]).order_by(*self._order(), copy=False)
        chosen = chosen.limit(limit, copy=False).offset(offset, copy=False)
        inside = exp.In(this=terms.column_ref("r", "_id"), query=exp.Subquery(this=chosen))
        shown = [terms.column_ref("r", column.slug) for column in self.columns]
        query = exp.Select(expressions=list(shown)).from_(terms.view(self.relation, "r"), copy=False).where(inside, copy=False)
        return terms.to_sql(query.order_by(*self._order(), copy=False))

    def _order(self) -> list[exp.Expr]:
        return [term.copy() for term in self.order]

    def count(self, up_to: int | None = None) -> str:
        """The statement for their number; it counts no further than one more than `up_to`."""
        inner = self._select([exp.Literal.number(1)])
        limits = [limit for limit in (self.limit, None if up_to is None else up_to + 1) if limit is not None]
        if limits:
            inner = inner.limit(min(limits), copy=False)
        return terms.to_sql(
            exp.Select(expressions=[exp.Count(this=exp.Star())]).from_(exp.Subquery(this=inner, alias=exp.to_identifier("n")))
        )

    def members(self, *hashes: exp.Expr, among: exp.Expr | None = None) -> exp.Select:
        """A select of `record_id` of all its records, with hashes as `h0`, `h1` …; `among`: a select of the only ids to look at."""
        shown: list[exp.Expr] = [exp.alias_(terms.column_ref("r", "_id"), "record_id")]
        shown += [exp.alias_(hash_term, f"h{number}") for number, hash_term in enumerate(hashes)]
        query = self._select(shown)
        if among is not None:
            query = query.where(exp.In(this=terms.column_ref("r", "_id"), query=exp.Subquery(this=among)))
        return query.order_by(*self.order).limit(self.limit) if self.limit is not None else query

    def ordered(self) -> str:
        """The statement for the ids of all its records, in its order."""
        query = self._select([exp.alias_(terms.column_ref("r", "_id"), "record_id")]).order_by(*self.order)
        return terms.to_sql(query.limit(self.limit) if self.limit is not None else query)

    def records(self) -> str:
        """The statement for the columns of all its records, in its order."""
        query = self._select([terms.column_ref("r", column.slug) for column in self.columns]).order_by(*self._order(), copy=False)
        return terms.to_sql(query.limit(self.limit) if self.limit is not None else query)

    def _select(self, shown: Sequence[exp.Expr]) -> exp.Select:
        """A new select, which the caller may change in place."""
        source = (
            terms.view(self.relation, "r")
            if self.source is None
            else exp.Subquery(this=exp.Var(this=self.source.replace("%", "%%")), alias="r")
        )
        return exp.Select(expressions=list(shown)).from_(source, copy=False).where(self.where.copy(), copy=False)

    def reads_metrics(self) -> bool:
        """Whether a metric decides which records there are or what their order is."""
        metrics = {column.slug for column in self.relation.columns if KINDS[column.kind].grouped}
        columns = (column for part in (self.where, *self.order) for column in part.find_all(exp.Column))
        return bool(metrics) and any(column.table == "r" and column.name in metrics for column in columns)

    def record(self, row: Sequence[Any]) -> JsonObject:
        """A row of `page` as a record of the wire."""
        return {column.slug: to_wire(value, column.type) for column, value in zip(self.columns, row, strict=True)}

    def wire_columns(self) -> list[RecordColumn]:
        """The columns of the records, as the wire describes them."""
        model = str(self.relation.model)
        return [
            RecordColumn(slug=column.slug, type=column.type, label=column.label or column.slug, model_uuid=model) for column in self.columns
        ]


async def select(
    db: AsyncSession,
    workspace: uuid.UUID,
    model: uuid.UUID,
    filter: Filter,
    sort: Sort | None,
    limit: int | None,
    catalog: Catalog | None = None,
) -> Selection | None:
    """The selection; None when the workspace has no such model. `scope.warnings` name conditions that match nothing. Raises InvalidFilter.

    `catalog`: the workspace's, if the caller has it already.
    """
    catalog = catalog or await storage.catalog(db, workspace)
    relation = catalog.by_model(model)
    if relation is None:
        return None
    scope = await build_scope(db, catalog, filter)
    where = await conditions.compile_filter(filter, relation, "r", scope)
    return Selection(catalog, relation, where, compile.compile_sort(sort or [], relation, "r"), limit, scope)


async def fetch(db: AsyncSession, selection: Selection, limit: int, offset: int) -> list[JsonObject]:
    """One page of records. Raises InvalidFilter when a condition cannot be evaluated, or not in time; the transaction has then failed."""
    connection = await driver.driver_connection(db)
    async with conditions.limit(turns_of(db), connection, selection.scope):
        statement = await _choose_cheaper(connection, selection, lambda selected: selected.page(limit, offset))
        rows = await driver.fetch(connection, statement, selection.scope.params)
    return [selection.record(row) for row in rows]


async def fetch_by_ids(connection: driver.Connection, selection: Selection, uids: Sequence[str]) -> list[JsonObject]:
    """The records of these ids, in their order; those that are not there are left out."""
    shown = [terms.column_ref("r", column.slug) for column in selection.columns]
    among = exp.EQ(this=terms.column_ref("r", "_id"), expression=terms.function("ANY", exp.cast(exp.Placeholder(this="ids"), "text[]")))
    query = exp.Select(expressions=list(shown)).from_(terms.view(selection.relation, "r")).where(among)
    rows = await driver.fetch(connection, terms.to_sql(query), {"ids": list(uids)})
    records = {str(row[0]): selection.record(row) for row in rows}
    return [records[uid] for uid in uids if uid in records]


async def count(db: AsyncSession, selection: Selection, up_to: int | None = None) -> tuple[int, bool]:
    """How many records there are, and whether that is exact: with `up_to`, counting stops there. Raises as `fetch`."""
    connection = await driver.driver_connection(db)
    async with conditions.limit(turns_of(db), connection, selection.scope):
        statement = await _choose_cheaper(connection, selection, lambda selected: selected.count(up_to))
        total = int(await driver.value(connection, statement, selection.scope.params))
    return (total, True) if up_to is None or total <= up_to else (up_to, False)


async def _choose_cheaper(connection: driver.Connection, selection: Selection, statement: Callable[[Selection], str]) -> str:
    """The cheaper of two statements by the planner's estimate: metrics computed record by record, or for all records at once."""
    one_by_one = statement(selection)
    if not selection.reads_metrics():
        return one_by_one
    grouped = statement(replace(selection, source=storage.select_with_grouped_metrics(selection.catalog, selection.relation)))
    costs = [await _cost(connection, candidate, selection) for candidate in (one_by_one, grouped)]
    return one_by_one if costs[0] <= costs[1] else grouped


async def _cost(connection: driver.Connection, statement: str, selection: Selection) -> float:
    plan = await driver.value(connection, f"explain (format json) {statement}", selection.scope.params)
    return float(plan[0]["Plan"]["Total Cost"])
