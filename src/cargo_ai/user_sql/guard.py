"""Check a user's query and write it again as one SELECT over the workspace's views, or refuse it; no database is asked."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from sqlglot import exp

from cargo_ai.records.catalog import SYSTEM_COLUMNS, Catalog, Relation
from cargo_ai.user_sql import parse
from cargo_ai.user_sql.dialects import DIALECTS
from cargo_ai.user_sql.errors import SqlRefused
from cargo_ai.user_sql.translate import counted_rows, expressions, names, queries
from cargo_ai.user_sql.translate.calls.types import KIND_OF_COLUMN
from cargo_ai.user_sql.translate.compiler import Compiler
from cargo_ai.user_sql.translate.names import Scope, Source
from cargo_ai.user_sql.translate.shapes import Output, Spelling

T = TypeVar("T")
_QUOTED = re.compile(r'"([^"]+)"')


@dataclass(frozen=True, slots=True)
class CheckedQuery:
    """A query that may run. `sql` is written by us from the tree, word for word; nothing of the user's text is in it but constants."""

    sql: str
    columns: tuple[str, ...]
    relations: tuple[Relation, ...]
    spelling: Spelling
    collects: bool
    """An aggregate keeps its input in memory, so the plan should be looked at first."""


def check(text: str, catalog: Catalog, *, clickhouse: bool = False) -> CheckedQuery:
    """The query as it may run. SqlRefused, with a sentence, for everything else; nothing else is ever raised. O(length).

    `clickhouse`: where the text means something in ClickHouse's spelling, that is what it means.
    """
    if clickhouse:
        try:
            return _refuse_unexpected(lambda spelling: _query(text, catalog, spelling), "clickhouse")
        except SqlRefused as refused:
            try:
                return check(text, catalog)
            except SqlRefused as other:
                raise (other if refused.stage == "syntax" and other.stage == "meaning" else refused) from None
    return _try_spellings(text, catalog.relations, lambda spelling: _query(text, catalog, spelling))


@dataclass(frozen=True, slots=True)
class _Columns:
    """A relation, equal to every other one in which a condition means the same."""

    relation: Relation = field(compare=False)
    model: uuid.UUID
    name: tuple[str, str]
    columns: tuple[tuple[str, str, str], ...]


def condition(text: str, relation: Relation, alias: str) -> str:
    """A boolean expression over one relation, whose alias in the statement around it is given (quoted as it stands there).

    For `sql` conditions of filters. Subqueries are refused, also those without a table: they give one record the work of millions.
    SqlRefused as for queries.
    """
    columns = tuple((column.slug, column.type, column.kind) for column in relation.columns)
    return _check_condition(text, _Columns(relation, relation.model, (relation.dataset, relation.slug), columns), alias)


@lru_cache(maxsize=256)
def _check_condition(text: str, of: _Columns, alias: str) -> str:
    """Kept, since the conditions of a segment are read again whenever it is counted or compared."""
    return _try_spellings(text, (of.relation,), lambda spelling: _condition(text, of.relation, alias, spelling))


def _try_spellings(text: str, relations: Iterable[Relation], attempt: Callable[[Spelling], T]) -> T:
    """The first spelling in which the text means something; else the complaint that understood most of it."""
    first, second = parse.spellings(text)
    try:
        return _refuse_unexpected(attempt, first)
    except SqlRefused as refused:
        if second == "bigquery" and refused.stage == "meaning" and _quotes_columns(text, relations):
            # To BigQuery "name" is a text: the query would run and compare the wrong things.
            raise
        try:
            return _refuse_unexpected(attempt, second)
        except SqlRefused as other:
            raise (other if refused.stage == "syntax" and other.stage == "meaning" else refused) from None


def _quotes_columns(text: str, relations: Iterable[Relation]) -> bool:
    quoted = set(_QUOTED.findall(text))
    return bool(quoted) and any(relation.column(name) is not None for relation in relations for name in quoted)


def _refuse_unexpected(attempt: Callable[[Spelling], T], spelling: Spelling) -> T:
    try:
        return attempt(spelling)
    except RecursionError:
        raise SqlRefused("The query is too complicated.") from None
    except SqlRefused:
        raise
    except Exception:
        # A tree of a shape that we did not expect: what is not understood is not run.
        raise SqlRefused("The query uses something that cannot be used here.") from None


def _compiler(catalog: Catalog, spelling: Spelling) -> Compiler:
    return Compiler(catalog, DIALECTS[spelling], expressions.expression, queries.query)


def _query(text: str, catalog: Catalog, spelling: Spelling) -> CheckedQuery:
    tree = parse.parse_query(text, spelling)
    if not isinstance(tree, exp.Query):
        raise SqlRefused(f"Only one SELECT can be run here (it may begin with WITH), not {tree.key.upper()}.", about="denied")
    c = _compiler(catalog, spelling)
    counted = counted_rows.rewritten(c, tree)
    if counted is not None:
        tree, c = counted.tree, _compiler(counted.catalog, spelling)
        c.weight = counted.weight
    compiled = c.query(c, tree, {}, None)
    if c.collects and c.loose:
        raise SqlRefused(
            "STRING_AGG, ARRAY_AGG and their like cannot be used over a join without an equality: they would collect too much."
        )
    return CheckedQuery(compiled.text, tuple(output.name for output in compiled.outputs), tuple(c.relations), spelling, c.collects)


def _condition(text: str, relation: Relation, alias: str, spelling: Spelling) -> str:
    tree = parse.parse_condition(text, spelling)
    if tree.find(exp.Query, exp.Exists) is not None:
        raise SqlRefused("A condition is about one record: subqueries cannot be used in it.", about="denied")
    c = _compiler(Catalog(relation.model, "", ()), spelling)
    outputs, others = names.relation_outputs(relation, KIND_OF_COLUMN)
    system = tuple(Output(column.slug, KIND_OF_COLUMN[column.type]) for column in SYSTEM_COLUMNS.values())
    source = Source(alias, relation.slug, (*system, *outputs), path=(relation.dataset, relation.slug), spellings=others)
    scope = Scope(None, {}, [source])
    compiled = c.expression(c, tree, scope)
    if scope.aggregated or " OVER (" in compiled.text:
        raise SqlRefused("A condition is about one record: aggregates and windows cannot be used in it.")
    if compiled.kind not in {"boolean", ""}:
        raise SqlRefused(f"A condition is true or false, and this one is a value of {compiled.kind}: compare it with something.")
    return compiled.text
