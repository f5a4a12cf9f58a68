"""Compiler: what one translation knows while it walks a query's tree and writes its own text for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Compiler:
    """The state of one translation. `expression` and `query` are how its parts call each other."""

    catalog: Catalog
    spelling: Spelling
    expression: Callable[[Compiler, exp.Expr, Scope], Sql]
    query: Callable[[Compiler, exp.Expr, dict[str, Cte], Scope | None], Query]
    relations: list[Relation] = field(default_factory=list[Relation])
    """Every relation that the text reads."""
    collects: bool = False
    """An aggregate keeps all of its input in memory."""
    loose: bool = False
    """Somewhere relations are joined by something else than an equality."""
    _handles: int = 0

    @property
    def bigquery(self) -> bool:
        """Whether BigQuery's meaning of things applies."""
        return self.spelling == "bigquery"

    @property
    def clickhouse(self) -> bool:
        """Whether ClickHouse's meaning of things applies."""
        return self.spelling == "clickhouse"

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
