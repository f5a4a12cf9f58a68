"""Translate FROM and JOIN, and refuse tables that nothing joins."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from cargo_ai.records.catalog import SYSTEM_COLUMNS
from cargo_ai.user_sql.errors import SqlRefused, refuse, shorten
from cargo_ai.user_sql.translate import names, shapes
from cargo_ai.user_sql.translate.calls import functions
from cargo_ai.user_sql.translate.calls.types import KIND_OF_COLUMN
from cargo_ai.user_sql.translate.compiler import Compiler, list_part, refuse_other_parts, unknown_construct
from cargo_ai.user_sql.translate.names import Scope, Source
from cargo_ai.user_sql.translate.shapes import Kind, Output, Sql
from cargo_ai.user_sql.translate.structs import struct_rows

MAX_SOURCES = 40


@dataclass(slots=True)
class FromClause:
    """FROM in our words. `edges`: sources that a condition brings together, and whether it is an equality between them."""

    text: str = ""
    edges: list[tuple[frozenset[str], bool]] = field(default_factory=list[tuple[frozenset[str], bool]])
    small: set[str] = field(default_factory=set[str])
    """Handles of constant lists: crossing them with a table is meant."""


def from_clause(c: Compiler, node: exp.Expr, scope: Scope) -> FromClause:
    """FROM with its joins; the sources are then in the scope."""
    joined, clause = FromClause(), node.args.get("from_")
    if clause is None:
        if node.args.get("joins"):
            refuse("A JOIN needs a FROM.")
        return joined
    refuse_other_parts(clause, "this")
    text, first = _source(c, clause.this, scope, joined)
    scope.add(first)
    joined.text = f" FROM {text}"
    commas = False
    for join in list_part(node, "joins"):
        if len(scope.sources) >= MAX_SOURCES:
            refuse(f"The query joins too many tables: at most {MAX_SOURCES} are allowed.")
        commas = _join(c, join, scope, joined, commas)
    return joined


def _join(c: Compiler, node: exp.Expr, scope: Scope, joined: FromClause, commas: bool) -> bool:
    refuse_other_parts(node, "this", "on", "using", "kind", "side", "method")
    kind, side = str(node.args.get("kind") or "").upper(), str(node.args.get("side") or "").upper()
    if node.args.get("method") or kind not in {"", "INNER", "OUTER", "CROSS"} or side not in {"", "LEFT", "RIGHT", "FULL"}:
        refuse(f"{' '.join(filter(None, (str(node.args.get('method') or ''), side, kind)))} JOIN cannot be used here.")
    if commas and side in {"RIGHT", "FULL"}:
        refuse(f"Write JOINs instead of commas where there is a {side} JOIN.")
    text, source = _source(c, node.this, scope, joined)
    if source.follows and side in {"RIGHT", "FULL"}:
        refuse(f"A {side} JOIN cannot depend on what stands before it.")
    on, using = node.args.get("on"), node.args.get("using")
    if using:
        joined.text += f" {side or 'INNER'} JOIN {text} ON {_using(using, side, source, scope, joined)}"
        scope.add(source)
        return commas
    scope.add(source)
    if on is None:
        if side:
            refuse(f"A {side} JOIN needs ON or USING.")
        joined.text += f" CROSS JOIN {text}"
        return commas or kind != "CROSS"
    joined.text += f" {side or 'INNER'} JOIN {text} ON {_conjunction(c, on, scope, joined)}"
    return commas


def _using(using: list[exp.Expr], side: str, source: Source, scope: Scope, joined: FromClause) -> str:
    parts: list[str] = []
    for column in using:
        scope.touched = set()
        left, right = scope.column(column.name), source.column(column.name)
        if left is None or right is None:
            refuse(f"Both sides of a join USING ({shorten(column.name)}) need that column.")
        joined.edges.append((frozenset(scope.touched | {source.handle}), True))
        parts.append(f"{left.text} = {right.text}")
        both = Sql(f"COALESCE({left.text}, {right.text})", left.kind)
        for other in scope.sources:
            scope.hidden.add((other.handle, column.name.lower()))
        scope.hidden.add((source.handle, column.name.lower()))
        scope.merged[column.name.lower()] = {"RIGHT": right, "FULL": both}.get(side, left)
    return f"({' AND '.join(parts)})"


def where_clause(c: Compiler, node: exp.Expr, scope: Scope, joined: FromClause) -> str:
    """WHERE; and SqlRefused when tables are crossed without anything that brings them together."""
    where = node.args.get("where")
    text = f" WHERE {_conjunction(c, where.this, scope, joined)}" if where is not None else ""
    _refuse_crossing(c, scope, joined)
    return text


def _conjunction(c: Compiler, node: exp.Expr, scope: Scope, joined: FromClause) -> str:
    """A condition, and which sources each of its parts brings together."""
    parts: list[str] = []
    for conjunct in conjuncts(node):
        scope.touched = set()
        sides = (conjunct.this, conjunct.args["expression"]) if type(conjunct) is exp.EQ else None
        equality = False
        if sides is not None:
            c.expression(c, sides[0], scope)
            left, scope.touched = scope.touched, set()
            c.expression(c, sides[1], scope)
            right, scope.touched = scope.touched, set()
            equality = len(left) == len(right) == 1 and left != right
        parts.append(c.expression(c, conjunct, scope).text)
        joined.edges.append((frozenset(scope.touched), equality))
    return " AND ".join(parts)


def conjuncts(node: exp.Expr) -> list[exp.Expr]:
    """The parts of a condition that AND ties together, without recursion: a query may have thousands."""
    parts, todo = list[exp.Expr](), [node]
    while todo:
        part = todo.pop()
        if type(part) is exp.And:
            todo += [part.args["expression"], part.this]
        elif type(part) is exp.Paren and type(part.this) is exp.And:
            todo.append(part.this)
        else:
            parts.append(part)
    return parts


def _refuse_crossing(c: Compiler, scope: Scope, joined: FromClause) -> None:
    many = [source for source in scope.sources if not source.single]
    if len(many) < 2:
        return
    follows = [(source.follows | {source.handle}, True) for source in many if source.follows]
    tables = [source.handle for source in many if source.handle not in joined.small]
    if _parts([*joined.edges, *follows], tables) > 1:
        first, last = (next(source for source in many if source.handle == handle).called for handle in (tables[0], tables[-1]))
        refuse(f"{shorten(first)} and {shorten(last)} are joined without a condition: say in ON or WHERE what belongs together.")
    equal = [(handles, equality) for handles, equality in joined.edges if equality]
    if _parts([*equal, *follows], [source.handle for source in many]) > 1:
        c.loose = True


def _parts(edges: list[tuple[frozenset[str], bool]], handles: list[str]) -> int:
    """Into how many parts the sources fall."""
    groups = [{handle} for handle in handles]
    for touched, _ in edges:
        meeting = [group for group in groups if group & touched]
        if len(meeting) > 1:
            groups = [group for group in groups if not group & touched] + [set[str]().union(*meeting)]
    return len(groups)


def _source(c: Compiler, node: exp.Expr, scope: Scope, joined: FromClause) -> tuple[str, Source]:
    kind = type(node)
    if kind is exp.Table:
        return _function(c, node, scope, joined) if isinstance(node.this, exp.Func) else _table(c, node, scope)
    if kind is exp.Subquery:
        return _subquery(c, node, scope, scope.outer, "")
    if kind is exp.Unnest:
        return _unnest(c, node, scope, joined)
    if kind is exp.Values:
        refuse_other_parts(node, "expressions", "alias")
        text, outputs = values_rows(c, node, Scope(scope.outer, scope.ctes))
        handle, source = _named_source(c, node, outputs, "values")
        joined.small.add(handle)
        return f"({text}) AS {handle}{_column_list(source.outputs)}", source
    if kind is exp.Lateral:
        return _lateral(c, node, scope, joined)
    raise SqlRefused(unknown_construct(node))


def _table(c: Compiler, node: exp.Expr, scope: Scope) -> tuple[str, Source]:
    refuse_other_parts(node, "this", "db", "catalog", "alias")
    parts = [part.name for part in (node.args.get("catalog"), node.args.get("db"), node.this) if isinstance(part, exp.Identifier)]
    if not parts or len(parts) != sum(node.args.get(key) is not None for key in ("catalog", "db", "this")):
        refuse("A table is named <dataset>.<model>.")
    alias = node.args.get("alias")
    handle, called = c.handle(), alias.name if alias is not None and alias.name else parts[-1]
    if len(parts) == 1 and (cte := scope.ctes.get(parts[0].lower())) is not None:
        outputs = rename_outputs(cte.outputs, _alias_columns(node))
        return f"{cte.handle} AS {handle}{_column_list(outputs)}", Source(handle, called, outputs, cte.single)
    relation = names.find_relation(c.catalog, parts)
    c.relations += [read for read in (relation, *relation.reads) if read not in c.relations]
    if _alias_columns(node):
        refuse("The columns of a table cannot be renamed in FROM: use AS in the SELECT list.")
    outputs, others = names.relation_outputs(relation, KIND_OF_COLUMN)
    system = tuple(Output(column.slug, KIND_OF_COLUMN[column.type]) for column in SYSTEM_COLUMNS.values() if relation.system)
    path = None if alias is not None and alias.name else (relation.dataset, relation.slug)
    source = Source(handle, called, (*system, *outputs), path=path, spellings=others)
    read = f"{shapes.quote_name(relation.schema)}.{shapes.quote_name(relation.view)}" if relation.source is None else f"({relation.source})"
    return f"{read} AS {handle}", source


def _subquery(c: Compiler, node: exp.Expr, scope: Scope, outer: Scope | None, prefix: str) -> tuple[str, Source]:
    refuse_other_parts(node, "this", "alias", "with_", "order", "limit", "offset")
    if not isinstance(node.this, exp.Query | exp.Values):
        refuse("A join in parentheses cannot be used here: write the joins one after the other.")
    plain = node.copy()
    plain.set("alias", None)
    subquery = c.query(c, plain, scope.ctes, outer)
    outputs = rename_outputs(subquery.outputs, _alias_columns(node))
    handle, source = _named_source(c, node, outputs, "subquery")
    source.single = subquery.single
    return f"{prefix}({subquery.text}) AS {handle}{_column_list(outputs)}", source


def _lateral(c: Compiler, node: exp.Expr, scope: Scope, joined: FromClause) -> tuple[str, Source]:
    refuse_other_parts(node, "this", "alias", "view", "outer", "ordinality", "cross_apply")
    if node.args.get("view") or node.args.get("outer") or node.args.get("ordinality") or node.args.get("cross_apply") is not None:
        refuse("LATERAL VIEW, APPLY and WITH ORDINALITY cannot be used here.")
    inside = node.this
    if type(inside) is exp.Subquery:
        inside = inside.copy()
        inside.set("alias", node.args.get("alias"))
        scope.touched = set()
        text, source = _subquery(c, inside, scope, scope, "LATERAL ")
        # A correlated subquery runs once per row of what it depends on; one that depends on nothing is like any other.
        source.follows = frozenset(scope.touched)
        return text, source
    if isinstance(inside, exp.Func):
        table = exp.Table(this=inside.copy(), alias=node.args.get("alias"))
        return _function(c, table, scope, joined)
    raise SqlRefused("LATERAL takes a subquery or a function.")


def _function(c: Compiler, node: exp.Expr, scope: Scope, joined: FromClause) -> tuple[str, Source]:
    refuse_other_parts(node, "this", "alias")
    scope.touched = set()
    call = functions.table_function(c, node.this, scope)
    follows = frozenset(scope.touched)
    alias = node.args.get("alias")
    outputs = call.outputs
    if call.named_by_alias and alias is not None and alias.name:
        outputs = (Output(alias.name, outputs[0].kind),)
    outputs = rename_outputs(outputs, _alias_columns(node))
    handle, source = _named_source(c, node, outputs, outputs[0].name)
    source.follows = follows
    if alias is not None and alias.name and len(outputs) == 1 and not _alias_columns(node):
        # Behind `f(x) AS t` both t and t.value are the value.
        source.spellings = {alias.name: outputs[0].name}
    if not follows:
        joined.small.add(handle)
    return f"LATERAL {call.text} AS {handle}{_column_list(outputs)}", source


def _unnest(c: Compiler, node: exp.Expr, scope: Scope, joined: FromClause) -> tuple[str, Source]:
    refuse_other_parts(node, "expressions", "alias", "offset")
    if len(node.expressions) != 1:
        refuse("UNNEST takes one array here.")
    array, alias, offset = node.expressions[0], node.args.get("alias"), node.args.get("offset")
    renames = _alias_columns(node)
    called = (alias.name if alias is not None and alias.name else "") or (renames[0] if renames else "unnest")
    handle = c.handle()
    counter = offset.name if isinstance(offset, exp.Identifier) else renames[1] if offset and len(renames) > 1 else "ordinality"
    scope.touched = set()
    if (rows := struct_rows(c, array, scope)) is not None and not offset:
        text, outputs = rows
        joined.small.add(handle)
        return f"({text}) AS {handle}{_column_list(outputs)}", Source(handle, called, outputs)
    value = c.expression(c, array, scope)
    kind: Kind = "struct" if value.fields is not None else "string" if value.kind == "json" else ""
    element = Output(renames[0] if renames else called, kind, value.fields)
    follows = frozenset(scope.touched)
    outputs = (element, Output(counter, "integer")) if offset else (element,)
    if offset:
        # BigQuery counts from 0, Postgres from 1.
        position = "u.o - 1" if c.bigquery else "u.o"
        text = f"LATERAL (SELECT u.e, {position} FROM bq.unnest({value.text}) WITH ORDINALITY AS u(e, o))"  # noqa: S608 - written by us
    else:
        text = f"LATERAL bq.unnest({value.text})"
    if not follows:
        joined.small.add(handle)
    return f"{text} AS {handle}{_column_list(outputs)}", Source(handle, called, outputs, follows=follows)


def values_rows(c: Compiler, node: exp.Expr, scope: Scope) -> tuple[str, tuple[Output, ...]]:
    """`VALUES (…), (…)`."""
    rows = [list(item.expressions) if type(item) is exp.Tuple else [item] for item in node.expressions]
    if not rows or len({len(row) for row in rows}) != 1:
        refuse("The rows of VALUES must all have the same number of values.")
    values = [[c.expression(c, item, scope) for item in row] for row in rows]
    outputs = tuple(Output(f"column{number}", item.kind) for number, item in enumerate(values[0], 1))
    return f"VALUES {', '.join(f'({shapes.join_sql(row)})' for row in values)}", outputs


def rename_outputs(outputs: tuple[Output, ...], aliases: list[str]) -> tuple[Output, ...]:
    """The columns with the names of `AS t(a, b)`: the first ones, as many as there are names."""
    if len(aliases) > len(outputs):
        refuse(f"There are {len(aliases)} names for {len(outputs)} columns.")
    return tuple(output._replace(name=aliases[at]) if at < len(aliases) else output for at, output in enumerate(outputs))


def _alias_columns(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    if alias is None:
        return []
    refuse_other_parts(alias, "this", "columns")
    return [column.name for column in list_part(alias, "columns")]


def _named_source(c: Compiler, node: exp.Expr, outputs: tuple[Output, ...], otherwise: str) -> tuple[str, Source]:
    alias = node.args.get("alias")
    handle = c.handle()
    called = alias.name if alias is not None and alias.name else f"{otherwise} {handle}"
    return handle, Source(handle, called, outputs)


def _column_list(outputs: tuple[Output, ...]) -> str:
    return f"({', '.join(shapes.quote_name(output.name) for output in outputs)})"
