"""A warehouse in memory, on which simulators of BigQuery and Snowflake execute the SQL that they are sent."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

Json = Any


class Invalid(Exception):
    """What is wrong with a statement, in the words of the warehouse."""


@dataclass(frozen=True)
class Executed:
    """What a statement gave: names and types of its columns, its rows, and how many rows it inserted, updated and deleted."""

    kind: str
    columns: Sequence[tuple[str, str]] = ()
    rows: Sequence[tuple[Any, ...]] = ()
    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def changed(self) -> int:
        """How many rows in all."""
        return self.inserted + self.updated + self.deleted


_KINDS: dict[type[exp.Expr], str] = {
    exp.Select: "SELECT",
    exp.Union: "SELECT",
    exp.Insert: "INSERT",
    exp.Update: "UPDATE",
    exp.Delete: "DELETE",
    exp.Merge: "MERGE",
    exp.Create: "CREATE_TABLE",
}


class Warehouse:
    """The database. dialect: in which SQL it is spoken to. catalog: what stands before the names of its schemas."""

    def __init__(self, dialect: str, catalog: str) -> None:
        self.dialect, self.catalog = dialect, catalog
        self._lock = threading.Lock()
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("set TimeZone = 'UTC'")
        self._connection.execute(f"attach ':memory:' as \"{catalog}\"")
        self._connection.execute(f'use "{catalog}"')

    def run(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """A statement of a test, in the database's own SQL."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def kind_of(self, sql: str) -> str:
        """What a statement does: SELECT, MERGE, …; SCRIPT for several. Invalid for what is not SQL."""
        return self._parsed(sql)[0]

    def _parsed(self, sql: str) -> tuple[str, exp.Expr]:
        try:
            statements = [statement for statement in sqlglot.parse(sql, read=self.dialect) if statement is not None]
        except SqlglotError as error:
            raise Invalid(f"Syntax error: {str(error).splitlines()[0]}") from None
        if not statements:
            raise Invalid("Syntax error: Unexpected end of script")
        if len(statements) > 1:
            return "SCRIPT", statements[0]
        return next((name for kind, name in _KINDS.items() if isinstance(statements[0], kind)), "OTHER"), statements[0]

    def execute(self, sql: str, parameters: Any = None) -> Executed:
        """Execute a statement. Invalid, with nothing done, where the database refuses it."""
        kind, statement = self._parsed(sql)
        text = statement.sql(dialect="duckdb")
        if kind == "MERGE":
            text += " RETURNING merge_action"
        with self._lock:
            try:
                done = self._connection.execute(text, parameters)
                rows = done.fetchall()
            except duckdb.Error as error:
                raise Invalid(str(error).splitlines()[0]) from None
            columns = [(str(column[0]), str(column[1])) for column in done.description or []]
        if kind == "MERGE":
            actions = [row[0] for row in rows]
            return Executed(kind, inserted=actions.count("INSERT"), updated=actions.count("UPDATE"), deleted=actions.count("DELETE"))
        if kind in ("INSERT", "UPDATE", "DELETE"):
            count = int(rows[0][0]) if rows else 0
            return Executed(
                kind, inserted=count * (kind == "INSERT"), updated=count * (kind == "UPDATE"), deleted=count * (kind == "DELETE")
            )
        return Executed(kind, columns, rows)
