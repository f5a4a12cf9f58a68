"""Translate names with dots, steps into objects, and items of arrays."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.errors import SqlRefused, refuse, shorten
from cargo_ai.user_sql.translate import names, shapes
from cargo_ai.user_sql.translate.calls import functions
from cargo_ai.user_sql.translate.compiler import Compiler, refuse_other_parts, unknown_construct
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Sql
from cargo_ai.user_sql.translate.structs import struct_field


def column(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """A column, or a field inside one."""
    refuse_other_parts(node, "this", "table", "db", "catalog")
    if not isinstance(node.this, exp.Identifier):
        refuse("A star cannot stand here.")
    parts = [part.name for part in (node.args.get(key) for key in ("catalog", "db", "table")) if part is not None] + [node.name]
    return resolve(c, parts, scope)


def resolve(c: Compiler, parts: list[str], scope: Scope) -> Sql:
    """What a dotted name means: a column, a column of a named source, or a field inside one of them."""
    if len(parts) > 1:
        value, rest = _qualified(parts, scope)
        if value is not None:
            return _fields(c, value, rest)
    bare = scope.column(parts[0])
    if bare is not None and (len(parts) == 1 or c.bigquery):
        return _fields(c, bare, parts[1:])
    raise SqlRefused(names.unknown_column(scope, ".".join(parts)))


def _qualified(parts: list[str], scope: Scope) -> tuple[Sql | None, list[str]]:
    source = scope.source(parts[0])
    if source is not None and (value := source.column(parts[1])) is not None:
        return value, parts[2:]
    for at in range(len(parts) - 2):
        source = scope.at(parts[at], parts[at + 1])
        if source is not None and (value := source.column(parts[at + 2])) is not None:
            return value, parts[at + 3 :]
    return None, []


def _fields(c: Compiler, value: Sql, path: list[str]) -> Sql:
    if path and not c.bigquery:
        refuse(f"{shorten(path[0])} is not a column: write ->> '{shorten(path[0])}' to look into an object.")
    for name in path:
        value = struct_field(value, name)
    return value


def dot(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """A field of a value: `STRUCT(…).a`."""
    refuse_other_parts(node, "this", "expression")
    field = node.args["expression"]
    if not isinstance(field, exp.Identifier):
        refuse(unknown_construct(field) if not isinstance(field, exp.Anonymous) else functions.unknown_function(c, str(field.this)))
    if not c.bigquery:
        refuse(f"({shorten(node.this.sql())}).{shorten(field.name)} cannot be used here.")
    return struct_field(c.expression(c, node.this, scope), field.name)


def json_path(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """`->`, `->>`, `#>` and `#>>`."""
    refuse_other_parts(node, "this", "expression", "only_json_types")
    textual = type(node) in {exp.JSONExtractScalar, exp.JSONBExtractScalar}
    deep = type(node) in {exp.JSONBExtract, exp.JSONBExtractScalar}
    word = ("#>" if deep else "->") + (">" if textual else "")
    value, step = c.expression(c, node.this, scope).text, node.args["expression"]
    if type(step) is exp.JSONPath:
        steps = [part for part in step.expressions if type(part) is not exp.JSONPathRoot]
        key = steps[0] if len(steps) == 1 else None
        if type(key) is exp.JSONPathKey and isinstance(key.this, str):
            return Sql(f"({value} {word} {shapes.quote_text(key.this)})", "string" if textual else "json")
        if type(key) is exp.JSONPathSubscript and isinstance(key.this, int):
            return Sql(f"({value} {word} {int(key.this)})", "string" if textual else "json")
        refuse("After -> comes a key or a number.")
    return Sql(f"({value} {word} {c.expression(c, step, scope).text})", "string" if textual else "json")


def has_key(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """`?`: whether an object has a key, or an array a text."""
    refuse_other_parts(node, "this", "expression")
    return Sql(
        f"(jsonb_exists({c.expression(c, node.this, scope).text}, {c.expression(c, node.args['expression'], scope).text}))", "boolean"
    )


def bracket(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """An item of an array, or of an object."""
    refuse_other_parts(node, "this", "expressions", "offset", "safe")
    if len(node.expressions) != 1:
        refuse("One index can stand in brackets.")
    index = node.expressions[0]
    if type(node.this) is exp.Anonymous and (rule := c.dialect.indexed.get(str(node.this.this).lower())) is not None:
        return rule(c, node.this, index, scope)
    if type(index) is exp.Slice:
        refuse("A slice of an array cannot be used here.")
    value = c.expression(c, node.this, scope)
    if value.kind == "json" and type(index) is exp.Literal and index.is_string:
        return Sql(f"({value.text} -> {shapes.quote_text(index.name)})", "json")
    at = c.expression(c, index, scope).text
    # The parser counts constants from 0 in both spellings, save for BigQuery's ORDINAL.
    step = 1 if node.args.get("offset") == 1 and c.bigquery else 0
    if not c.bigquery and type(index) is not exp.Literal:
        step = 1
    item = f"bq.item({value.text}, {at}{f' - {step}' if step else ''})"
    kind: Kind = "struct" if value.fields is not None else "string" if value.kind == "json" else ""
    return Sql(item, kind, value.fields)
