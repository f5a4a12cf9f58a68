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
    items: list[tuple[str, Sql]] = []
    for number, entry in enumerate(node.expressions):
        inside = entry.this if type(entry) is exp.Alias else entry
        name = (
            entry.args["alias"].name if type(entry) is exp.Alias else inside.name if type(inside) is exp.Column else f"_field_{number + 1}"
        )
        items.append((name, c.expression(c, inside, scope)))
    if not items or len({name.lower() for name, _ in items}) != len(items):
        refuse("The fields of a STRUCT need names that differ.")
    return items


def struct_rows(c: Compiler, node: exp.Expr, scope: Scope) -> tuple[str, tuple[Output, ...]] | None:
    """`[STRUCT(1 AS a), STRUCT(2)]` as rows of their own; None when the array is no such list."""
    if type(node) is not exp.Array or not node.expressions:
        return None
    structs = [entry for entry in node.expressions if type(entry) is exp.Anonymous and entry.name.lower() == "struct"]
    if len(structs) != len(node.expressions):
        return None
    rows = [struct_items(c, entry, scope) for entry in structs]
    if len({len(row) for row in rows}) != 1:
        raise SqlRefused("The STRUCTs of an array must all have the same fields.")
    outputs = tuple(Output(name, value.kind) for name, value in rows[0])
    return f"VALUES {', '.join(f'({shapes.join_sql([value for _, value in row])})' for row in rows)}", outputs


def struct_field(value: Sql, field: str) -> Sql:
    """A field of a STRUCT, with its type where that is known, or of an object of the data, as text."""
    if value.kind == "struct" and value.fields is not None:
        for name, kind in value.fields.items():
            if name.lower() == field.lower():
                if kind in _FIELD_TYPES:
                    return Sql(f"CAST(({value.text} ->> {shapes.quote_text(name)}) AS {_FIELD_TYPES[kind]})", kind)
                return Sql(f"({value.text} -> {shapes.quote_text(name)})", "json")
        refuse(f"The STRUCT has no field {shorten(field)}.")
    if value.kind in {"json", "", "string"}:
        return Sql(f"bq.field({value.text}, {shapes.quote_text(field)})", "json")
    raise SqlRefused(f"{shorten(field)} is not a field: the value before it is not an object.")
