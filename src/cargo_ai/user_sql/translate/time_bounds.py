"""Bounds of times: a comparison of a time that is stored as milliseconds says so of the stored number as well, which has an index.

A view that keeps workspaces apart is a barrier: of a condition, only what can give nothing away reaches the rows behind it, and so their
indexes and partitions. A comparison of whole numbers is let through, one of times that are made from them is not.
"""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.translate.shapes import Sql

_FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "="}
_FARTHEST = 10**15
"""Milliseconds beyond all times that are stored: infinity is not a whole number."""
_EARLIER = 32_768
"""How many milliseconds the stored number may be below the time."""


def comparison(left: Sql, sign: str, right: Sql, other: tuple[exp.Expr, exp.Expr]) -> str:
    """`left sign right`, with the bounds that follow from it. `other`: the two sides as they were written."""
    text = f"{left.text} {sign} {right.text}"
    if sign not in _FLIPPED:
        return text
    bounds: list[str] = []
    if left.milliseconds and is_constant(other[1], right):
        bounds = _bounds(left.milliseconds, sign, right.text)
    elif right.milliseconds and is_constant(other[0], left):
        bounds = _bounds(right.milliseconds, _FLIPPED[sign], left.text)
    return " AND ".join((text, *bounds))


def between(value: Sql, low: Sql, high: Sql, written: tuple[exp.Expr, exp.Expr]) -> str:
    """The bounds that follow from a BETWEEN, each after an AND."""
    if not value.milliseconds or not (is_constant(written[0], low) and is_constant(written[1], high)):
        return ""
    bounds = _bounds(value.milliseconds, ">=", low.text) + _bounds(value.milliseconds, "<=", high.text)
    return "".join(f" AND {bound}" for bound in bounds)


def is_constant(node: exp.Expr, value: Sql) -> bool:
    """Whether it is the same for all rows, and each time that it is computed."""
    return node.find(exp.Column, exp.Query) is None and "random" not in value.text


def milliseconds(time: str) -> str:
    """A time as a number, with a fraction; it may be infinite."""
    return f"(extract(epoch FROM CAST({time} AS timestamptz)) * 1000)"


def _bounds(column: str, sign: str, time: str) -> list[str]:
    # What is stored was rounded, and of packed executions it is when the first of them began.
    number = milliseconds(time)
    # A select of its own is computed once, and not for each row.
    kept = f"(SELECT CAST(least(greatest({number}, -{_FARTHEST}), {_FARTHEST}) AS bigint))"
    bounds: list[str] = []
    if sign in {">", ">=", "="}:
        bounds.append(f"{column} >= {kept} - {_EARLIER}")
    if sign in {"<", "<=", "="}:
        bounds.append(f"{column} <= {kept} + 1")
    return bounds
