"""Translate OVER clauses, named windows, and sort directions."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.errors import SqlRefused, refuse, shorten
from cargo_ai.user_sql.translate import shapes
from cargo_ai.user_sql.translate.compiler import Compiler, list_part, refuse_other_parts
from cargo_ai.user_sql.translate.names import Scope

_FRAMES = frozenset({"ROWS", "RANGE", "GROUPS"})
_SIDES = frozenset({"PRECEDING", "FOLLOWING"})


def named_windows(c: Compiler, node: exp.Expr, scope: Scope) -> dict[str, str]:
    """The windows of a WINDOW clause, by name."""
    specifications: dict[str, str] = {}
    for window in list_part(node, "windows"):
        refuse_other_parts(window, "this", "partition_by", "order", "spec", "over")
        specifications[window.this.name.lower()] = specification(c, window, scope)
    return specifications


def over_clause(c: Compiler, node: exp.Expr, scope: Scope) -> str:
    """What stands after OVER."""
    refuse_other_parts(node, "this", "partition_by", "order", "spec", "over", "alias")
    if str(node.args.get("over") or "OVER").upper() != "OVER":
        refuse("A window begins with OVER.")
    alias = node.args.get("alias")
    if alias is None:
        return f"({specification(c, node, scope)})"
    if node.args.get("partition_by") or node.args.get("order") or node.args.get("spec"):
        refuse("A window that is made of another one cannot be used here: write it out.")
    if alias.name.lower() not in scope.windows:
        refuse(f"There is no window {shorten(alias.name)}.")
    return f"({scope.windows[alias.name.lower()]})"


def specification(c: Compiler, node: exp.Expr, scope: Scope) -> str:
    """PARTITION BY, ORDER BY and the frame."""
    parts: list[str] = []
    if partition := node.args.get("partition_by"):
        parts.append(f"PARTITION BY {shapes.join_sql([c.expression(c, key, scope) for key in partition])}")
    if (order := node.args.get("order")) is not None:
        parts.append(order_by(c, order, scope))
    if (frame := node.args.get("spec")) is not None:
        parts.append(_frame(c, frame, scope))
    return " ".join(parts)


def order_by(c: Compiler, node: exp.Expr, scope: Scope) -> str:
    """`ORDER BY …` of a window or an aggregate; whatever the node sorts is left to the caller."""
    keys = [f"{c.expression(c, key.this, scope).text}{direction(key)}" for key in node.expressions]
    return f"ORDER BY {', '.join(keys)}"


def direction(node: exp.Expr) -> str:
    """Direction and place of nulls. The spellings differ in where nulls go when nothing is said, so it is always said."""
    if type(node) is not exp.Ordered:
        refuse("ORDER BY takes expressions with ASC or DESC.")
    refuse_other_parts(node, "this", "desc", "nulls_first")
    falling, first = bool(node.args.get("desc")), bool(node.args.get("nulls_first"))
    return f"{' DESC' if falling else ''} NULLS {'FIRST' if first else 'LAST'}"


def _frame(c: Compiler, node: exp.Expr, scope: Scope) -> str:
    refuse_other_parts(node, "kind", "start", "start_side", "end", "end_side")
    kind = str(node.args.get("kind")).upper()
    if kind not in _FRAMES:
        refuse("A window frame begins with ROWS, RANGE or GROUPS.")
    start = _bound(c, node.args.get("start"), node.args.get("start_side"), scope)
    if node.args.get("end") is None:
        return f"{kind} {start}"
    return f"{kind} BETWEEN {start} AND {_bound(c, node.args['end'], node.args.get('end_side'), scope)}"


def _bound(c: Compiler, value: object, side: object, scope: Scope) -> str:
    if isinstance(value, str):
        word = value.upper()
        if word == "CURRENT ROW":
            return word
        if word == "UNBOUNDED" and str(side).upper() in _SIDES:
            return f"{word} {str(side).upper()}"
    if isinstance(value, exp.Expr) and type(value) in {exp.Literal, exp.Interval} and str(side).upper() in _SIDES:
        return f"{c.expression(c, value, scope).text} {str(side).upper()}"
    raise SqlRefused("The bounds of a window frame are UNBOUNDED, CURRENT ROW or a constant.")
