"""Translate SELECT lists: expand stars, name every column, no two the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from cargo_ai.user_sql.errors import refuse, shorten
from cargo_ai.user_sql.translate import shapes
from cargo_ai.user_sql.translate.compiler import Compiler, list_part, refuse_other_parts
from cargo_ai.user_sql.translate.names import Scope, Source
from cargo_ai.user_sql.translate.shapes import Sql

MAX_COLUMNS = 1_600
"""What the database takes in one row is 1,664."""


@dataclass(frozen=True, slots=True)
class Item:
    """One column of a SELECT list. `alias`: the name by which clauses after it may call it."""

    name: str
    alias: str
    sql: Sql
    aggregated: bool

    @property
    def text(self) -> str:
        """As it stands in our SELECT list."""
        return f"{self.sql.text} AS {shapes.quote_name(self.name)}"


def projections(c: Compiler, node: exp.Expr, scope: Scope) -> list[Item]:
    """The columns of a SELECT."""
    entries: list[tuple[str, str, Sql, bool]] = []
    unnamed = 0
    for projection in node.expressions:
        star = (
            projection
            if type(projection) is exp.Star
            else projection.this
            if type(projection) is exp.Column and type(projection.this) is exp.Star
            else None
        )
        if star is not None:
            entries += [(name, name, sql, False) for name, sql in _star(c, projection, star, scope)]
            continue
        inside, alias = (projection.this, projection.args["alias"].name) if type(projection) is exp.Alias else (projection, "")
        scope.aggregated = False
        sql = c.expression(c, inside, scope)
        if not alias:
            alias = _implied_name(c, inside, sql)
        name = alias
        if not name:
            name, unnamed = (f"f{unnamed}_", unnamed + 1) if c.bigquery or c.clickhouse else ("?column?", unnamed)
        entries.append((name, alias if type(projection) is exp.Alias else "", sql, scope.aggregated))
    if len(entries) > MAX_COLUMNS:
        refuse(f"The query gives {len(entries):,} columns: at most {MAX_COLUMNS:,} are allowed.")
    return list(_make_unique(entries))


def _make_unique(entries: list[tuple[str, str, Sql, bool]]) -> Iterator[Item]:
    """The second column of one name gets a number, as no object can have two keys of one name."""
    taken: set[str] = set()
    for name, alias, sql, aggregated in entries:
        fresh, number = name, 0
        while fresh in taken:
            number += 1
            fresh = f"{name}_{number}"
        taken.add(fresh)
        yield Item(fresh, alias, sql, aggregated)


def _implied_name(c: Compiler, node: exp.Expr, sql: Sql) -> str:
    """The name that a column without an alias has: that of the column it shows, else what the spelling calls it."""
    while type(node) in {exp.Paren, exp.Window, exp.Filter, exp.WithinGroup}:
        node = node.this
    if type(node) is exp.Column:
        # Not what was written but what it means: `custom__tier` is the column tier.
        head, quote, rest = sql.text.rpartition('."')
        return rest[:-1].replace('""', '"') if head and quote and "(" not in rest else node.name
    if type(node) is exp.Dot and isinstance(node.expression, exp.Identifier):
        return node.expression.name
    if c.bigquery:
        return ""
    if c.clickhouse:
        # ClickHouse calls a column like the expression that it shows.
        written = node.sql("clickhouse")
        return written if len(written.encode()) <= shapes.MAX_NAME_BYTES else ""
    if type(node) is exp.Anonymous:
        return str(node.this).lower()
    if type(node) is exp.Case:
        return "case"
    if type(node) is exp.Cast:
        return _implied_name(c, node.this, sql) or node.args["to"].sql("postgres").lower()
    return {"coalesce": "coalesce", "currentdate": "current_date", "currenttimestamp": "current_timestamp", "extract": "extract"}.get(
        node.key, ""
    )


def _star(c: Compiler, node: exp.Expr, star: exp.Expr, scope: Scope) -> Iterator[tuple[str, Sql]]:
    refuse_other_parts(star, "except_", "replace")
    if star is node:
        if not scope.sources:
            refuse("SELECT * needs a FROM.")
        columns = [*_merged_columns(scope), *(pair for source in scope.sources for pair in _source_columns(source, scope))]
    else:
        refuse_other_parts(node, "this", "table", "db", "catalog")
        columns = list(_source_columns(_source(node, scope), None))
    left_out = {part.name.lower() for part in list_part(star, "except_")}
    replaced = {part.args["alias"].name.lower(): c.expression(c, part.this, scope) for part in list_part(star, "replace")}
    names = {name.lower() for name, _ in columns}
    for missing in sorted((left_out | set(replaced)) - names):
        refuse(f"The star has no column {shorten(missing)}.")
    for name, sql in columns:
        if name.lower() not in left_out:
            yield name, replaced.get(name.lower(), sql)


def _source(node: exp.Expr, scope: Scope) -> Source:
    parts = [part.name for part in (node.args.get("catalog"), node.args.get("db"), node.args.get("table")) if part is not None]
    source = scope.source(parts[0]) if len(parts) == 1 else scope.at(parts[-2], parts[-1])
    if source is None:
        refuse(f"There is no {shorten('.'.join(parts))} in FROM.")
    return source


def _merged_columns(scope: Scope) -> Iterator[tuple[str, Sql]]:
    yield from scope.merged.items()


def _source_columns(source: Source, scope: Scope | None) -> Iterator[tuple[str, Sql]]:
    for output in source.outputs:
        if scope is not None and (source.handle, output.name.lower()) in scope.hidden:
            continue
        yield output.name, Sql(f"{source.handle}.{shapes.quote_name(output.name)}", output.kind, output.fields)
