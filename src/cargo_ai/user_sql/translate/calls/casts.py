"""Translate CAST, `::` and SAFE_CAST, with the meaning that each has in its spelling."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.errors import refuse, shorten
from cargo_ai.user_sql.translate.calls.types import cast_type
from cargo_ai.user_sql.translate.compiler import Compiler, refuse_other_parts
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Sql

_SAFE = {
    "bigint": "int64",
    "integer": "int64",
    "double precision": "float64",
    "numeric": "numeric",
    "boolean": "bool",
    "date": "date",
    "timestamp": "datetime",
    "timestamptz": "timestamp",
    "jsonb": "json",
}


def cast(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """A cast to a type of the list."""
    refuse_other_parts(node, "this", "to", "safe")
    value = c.expression(c, node.this, scope)
    to, kind = cast_type(node.args["to"])
    if type(node) is exp.TryCast and not c.bigquery:
        refuse("TRY_CAST cannot be used here: write SAFE_CAST in BigQuery's spelling.")
    if type(node) is exp.TryCast:
        return _safe(value, to, kind)
    if to == "vector":
        return Sql(f"bq.to_vector({value.text})", kind)
    if c.bigquery and to == "bigint" and value.kind not in {"integer", "boolean"}:
        # BigQuery rounds halves away from zero, Postgres to the even neighbour.
        return Sql(f"bq.to_int64({value.text})", kind)
    if c.bigquery and value.kind == "struct":
        refuse("A STRUCT cannot be cast.")
    return Sql(f"CAST({value.text} AS {to})", kind)


def _safe(value: Sql, to: str, kind: Kind) -> Sql:
    if to == "text":
        return Sql(f"CAST({value.text} AS text)", kind)
    known = _SAFE.get(to)
    if known is None:
        refuse(f"SAFE_CAST cannot make {shorten(to)} here.")
    if value.kind in {"integer", "number", "boolean"} and known in {"int64", "float64", "numeric", "bool"}:
        return Sql(f"bq.safe_cast_{known}({value.text})", kind)
    return Sql(f"bq.safe_cast_{known}(CAST({value.text} AS text))", kind)
