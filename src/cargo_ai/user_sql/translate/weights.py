"""Averages and percentiles of rows of which each stands for as many as its weight says."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.translate.compiler import Compiler
from cargo_ai.user_sql.translate.names import Scope


def weight(c: Compiler, scope: Scope) -> str:
    """What says how many rows a row stands for; empty where each stands for itself."""
    return c.expression(c, exp.column(c.weight), scope).text if c.weight else ""


def average(value: str, weight: str, condition: str = "TRUE") -> str:
    """avg(value), of the rows that meet a condition."""
    rows = f"sum({weight}) FILTER (WHERE {condition} AND {value} IS NOT NULL)"
    return f"(sum({value} * CAST({weight} AS bigint)) FILTER (WHERE {condition}) / {rows})"


def percentile(function: str, level: str, value: str, weight: str, condition: str = "TRUE") -> str:
    """percentile_cont or percentile_disc, computed as PostgreSQL does: which row it is, and how far it is to the next one."""
    rows = f"FILTER (WHERE {condition} AND {value} IS NOT NULL)"
    # Both are in the same order, so that rows are sorted once.
    listed = f"unnest(array_agg({value} ORDER BY {value}) {rows}, array_agg({weight} ORDER BY {value}) {rows}) AS u(v, w)"
    counted = "sum(u.w) OVER (ROWS UNBOUNDED PRECEDING) AS upto, sum(u.w) OVER () AS every"
    if function == "percentile_disc":
        # As doubles, since 0.07 of 100 is a little more than 7 for PostgreSQL.
        reached = f"min(q.v) FILTER (WHERE q.upto >= CAST({level} AS double precision) * CAST(q.every AS double precision))"
        return f"(SELECT {reached} FROM (SELECT u.v, {counted} FROM {listed}) q)"  # noqa: S608 - put together from our own texts
    place = f"(CAST({level} AS double precision) * CAST(q.every - 1 AS double precision))"
    low, high = (f"min(q.v) FILTER (WHERE q.upto > {side}({place}))" for side in ("floor", "ceil"))
    return f"(SELECT {low} + max({place} - floor({place})) * ({high} - {low}) FROM (SELECT u.v, {counted} FROM {listed}) q)"  # noqa: S608
