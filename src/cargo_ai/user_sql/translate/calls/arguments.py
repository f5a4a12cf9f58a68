"""Translate the arguments of functions, and check their number."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.errors import refuse
from cargo_ai.user_sql.translate.compiler import Compiler
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Sql


def translate_arguments(c: Compiler, node: exp.Expr, scope: Scope, least: int, most: int) -> list[Sql]:
    """The arguments in our words. SqlRefused when there are too few or too many."""
    count = len(node.expressions)
    if not least <= count <= most:
        expected = str(least) if least == most else f"{least} to {most}"
        refuse(f"{node.name.upper()} takes {expected} argument{'' if expected == '1' else 's'} here, not {count}.")
    return [c.expression(c, argument, scope) for argument in node.expressions]


def argument_nodes(node: exp.Expr, least: int, most: int) -> list[exp.Expr]:
    """The arguments as they were written. SqlRefused when there are too few or too many."""
    nodes = list(node.expressions)
    if not least <= len(nodes) <= most:
        refuse(f"{node.name.upper()} takes {least} to {most} arguments here, not {len(nodes)}.")
    return nodes


def constant_text(c: Compiler, node: exp.Expr, scope: Scope, what: str) -> str:
    """The text of an argument that must be a constant."""
    value = c.expression(c, node, scope)
    if value.literal is None:
        refuse(f"{what} must be a constant text.")
    return value.literal


def as_timestamp(value: Sql, otherwise: Kind = "date") -> Sql:
    """A text constant where a moment is wanted is one."""
    if value.literal is None:
        return value
    to = {"date": "date", "timestamp": "timestamptz", "datetime": "timestamp"}[otherwise]
    return Sql(f"CAST({value.text} AS {to})", otherwise)
