"""Casts: CAST, `::`, SAFE_CAST, and fields of structs, with the meaning that each has in its spelling."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.errors import SqlRefused, refuse, shorten
from cargo_ai.user_sql.translate import shapes
from cargo_ai.user_sql.translate.compiler import Compiler, refuse_other_parts
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Sql
from cargo_ai.user_sql.translate.types import cast_type

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
_FIELD_TYPES: dict[Kind, str] = {
    "string": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
    "datetime": "timestamp",
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


def struct_field(value: Sql, wanted: str) -> Sql:
    """A field of a STRUCT, with its type where that is known, or of an object of the data, as text."""
    if value.kind == "struct" and value.fields is not None:
        for name, kind in value.fields.items():
            if name.lower() == wanted.lower():
                if kind in _FIELD_TYPES:
                    return Sql(f"CAST(({value.text} ->> {shapes.quote_text(name)}) AS {_FIELD_TYPES[kind]})", kind)
                return Sql(f"({value.text} -> {shapes.quote_text(name)})", "json")
        refuse(f"The STRUCT has no field {shorten(wanted)}.")
    if value.kind in {"json", "", "string"}:
        return Sql(f"bq.field({value.text}, {shapes.quote_text(wanted)})", "json")
    raise SqlRefused(f"{shorten(wanted)} is no field: the value before it is no object.")
