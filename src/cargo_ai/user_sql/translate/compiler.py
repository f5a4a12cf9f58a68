"""The state of one translation, and the dialect whose meaning of functions and syntax it follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlglot import exp

from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.user_sql.errors import refuse, shorten
from cargo_ai.user_sql.translate.names import Cte, Scope
from cargo_ai.user_sql.translate.shapes import Output, Spelling, Sql


@dataclass(frozen=True, slots=True)
class Query:
    """A translated SELECT: its text, the columns that it gives, and whether it is at most one row."""

    text: str
    outputs: tuple[Output, ...]
    single: bool = False


Rule: TypeAlias = "Callable[[Compiler, exp.Expr, Scope], Sql]"
"""Writes the SQL of one node. SqlRefused where that cannot be used."""


def _no_arithmetic(_operator: type[exp.Expr], _left: Sql, _right: Sql) -> Sql | None:
    return None


def _same_argument(_aggregate: str, value: Sql) -> Sql:
    return value


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one spelling means where PostgreSQL means something else, or nothing. `dialects` has one per spelling."""

    spelling: Spelling
    functions: Mapping[str, Rule]
    """By name in lower case; they come before PostgreSQL's functions of that name."""
    nodes: Mapping[type[exp.Expr], Rule] = field(default_factory=dict[type[exp.Expr], Rule])
    """Operators and constructs; they come before the common rules."""
    indexed: Mapping[str, Callable[[Compiler, exp.Expr, exp.Expr, Scope], Sql]] = field(
        default_factory=dict[str, "Callable[[Compiler, exp.Expr, exp.Expr, Scope], Sql]"]
    )
    """Functions that are translated together with the index in brackets after them."""
    aggregates: frozenset[str] = frozenset()
    """Functions besides PostgreSQL's aggregates that OVER may follow."""
    arithmetic: Callable[[type[exp.Expr], Sql, Sql], Sql | None] = _no_arithmetic
    """`left operator right` where it is not what PostgreSQL computes; None where it is."""
    aggregate_argument: Callable[[str, Sql], Sql] = _same_argument
    """The argument of an aggregate as PostgreSQL takes it."""


@dataclass(slots=True)
class Compiler:
    """The state of one translation. `expression` and `query` are how its parts call each other."""

    catalog: Catalog
    dialect: Dialect
    expression: Callable[[Compiler, exp.Expr, Scope], Sql]
    query: Callable[[Compiler, exp.Expr, dict[str, Cte], Scope | None], Query]
    relations: list[Relation] = field(default_factory=list[Relation])
    """Every relation that the text reads."""
    collects: bool = False
    """An aggregate keeps all of its input in memory."""
    loose: bool = False
    """Somewhere relations are joined by something else than an equality."""
    weight: str = ""
    """The column that says how many rows a row stands for, where rows are gathered (see counted_rows)."""
    _handles: int = 0

    @property
    def bigquery(self) -> bool:
        """Whether BigQuery's meaning of things applies."""
        return self.dialect.spelling == "bigquery"

    @property
    def clickhouse(self) -> bool:
        """Whether ClickHouse's meaning of things applies."""
        return self.dialect.spelling == "clickhouse"

    def handle(self) -> str:
        """A fresh name for something in FROM or WITH: no name that a user chose names a relation in our text."""
        self._handles += 1
        return f"r{self._handles}"


_PART_NAMES = {
    "with_": "WITH",
    "from_": "FROM",
    "into": "INTO",
    "locks": "FOR UPDATE and its like",
    "sample": "TABLESAMPLE",
    "pivots": "PIVOT and UNPIVOT",
    "version": "FOR SYSTEM_TIME",
    "match": "MATCH_RECOGNIZE",
    "kind": "SELECT AS STRUCT or VALUE",
    "hint": "a hint",
    "only": "ONLY",
    "rows_from": "ROWS FROM",
    "by_name": "BY NAME",
    "format": "FORMAT in a cast",
    "laterals": "LATERAL VIEW",
}
_NODE_NAMES = {
    "currentuser": "current_user",
    "sessionuser": "session_user",
    "currentrole": "current_role",
    "currentcatalog": "current_catalog",
    "currentschema": "current_schema",
    "unicodestring": "U&'…'",
    "safefunc": "The prefix SAFE.",
    "parameter": "A parameter",
    "placeholder": "A parameter",
    "hexstring": "A hexadecimal constant",
    "bitstring": "A bit constant",
    "operator": "OPERATOR(…)",
    "predict": "ML.PREDICT",
}


def refuse_other_parts(node: exp.Expr, *parts: str) -> None:
    """SqlRefused when the node has another part than these: what we would not write must not be read over."""
    for key, value in node.args.items():
        if key not in parts and value not in (None, False, "", []):
            refuse(f"{_PART_NAMES.get(key, key.strip('_').replace('_', ' ').upper())} cannot be used here.")


def list_part(node: exp.Expr, key: str) -> list[exp.Expr]:
    """The nodes of a part that is a list; none when it is not there."""
    return list(node.args.get(key) or [])


def unknown_construct(node: exp.Expr) -> str:
    """The sentence about a construct that is not on the list."""
    said = _NODE_NAMES.get(node.key) or shorten(node.key.upper())
    return f"{said} cannot be used here."
