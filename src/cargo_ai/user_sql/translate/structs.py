"""Translate STRUCT(…): its fields, lists of structs as rows, and reading a field."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.errors import SqlRefused, refuse, shorten
from cargo_ai.user_sql.translate import shapes
from cargo_ai.user_sql.translate.compiler import Compiler
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Output, Sql

_FIELD_TYPES: dict[Kind, str] = {
    "string": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
    "datetime": "timestamp",
}


def struct_items(c: Compiler, node: exp.Expr, scope: Scope) -> list[tuple[str, Sql]]:
    """The fields of STRUCT(…), by name."""
    found: list[tuple[str, Sql]] = []
    for number, one in enumerate(node.expressions):
        inside = one.this if type(one) is exp.Alias else one
        name = one.args["alias"].name if type(one) is exp.Alias else inside.name if type(inside) is exp.Column else f"_field_{number + 1}"
        found.append((name, c.expression(c, inside, scope)))
    if not found or len({name.lower() for name, _ in found}) != len(found):
        refuse("The fields of a STRUCT need names that differ.")
    return found


def struct_rows(c: Compiler, node: exp.Expr, scope: Scope) -> tuple[str, tuple[Output, ...]] | None:
    """`[STRUCT(1 AS a), STRUCT(2)]` as rows of their own; None when the array is no such list."""
    if type(node) is not exp.Array or not node.expressions:
        return None
    structs = [one for one in node.expressions if type(one) is exp.Anonymous and one.name.lower() == "struct"]
    if len(structs) != len(node.expressions):
        return None
    made = [struct_items(c, one, scope) for one in structs]
    if len({len(row) for row in made}) != 1:
        raise SqlRefused("The STRUCTs of an array must all have the same fields.")
    outputs = tuple(Output(name, value.kind) for name, value in made[0])
    return f"VALUES {', '.join(f'({shapes.join_sql([value for _, value in row])})' for row in made)}", outputs


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
