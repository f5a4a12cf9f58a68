"""Translate SELECT, WITH and set operations, clause by clause."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.errors import SqlRefused, refuse, shorten
from cargo_ai.user_sql.translate import shapes, sources, windows
from cargo_ai.user_sql.translate.compiler import Compiler, Query, list_part, refuse_other_parts, unknown_construct
from cargo_ai.user_sql.translate.names import Cte, Scope
from cargo_ai.user_sql.translate.projections import Item, projections
from cargo_ai.user_sql.translate.shapes import Kind, Output, Sql

_SET_WORDS: dict[type[exp.Expr], str] = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}
_SELECT_PARTS = (
    *("with_", "from_", "joins", "expressions", "distinct", "where", "group", "having", "qualify", "windows", "order", "limit", "offset"),
)


def query(c: Compiler, node: exp.Expr, ctes: dict[str, Cte], outer: Scope | None) -> Query:
    """Any query: SELECT, a set operation, VALUES, or one of them in parentheses. SqlRefused for everything else."""
    kind = type(node)
    if kind is exp.Select:
        return _select(c, node, ctes, outer)
    if kind in _SET_WORDS:
        return _set_operation(c, node, ctes, outer)
    if kind is exp.Subquery:
        return _parenthesized(c, node, ctes, outer)
    if kind is exp.Values:
        refuse_other_parts(node, "expressions")
        text, outputs = sources.values_rows(c, node, Scope(outer, ctes))
        return Query(text, outputs, len(node.expressions) == 1)
    raise SqlRefused(
        unknown_construct(node) if isinstance(node, exp.Query) else f"Only a SELECT can be run here, not {shorten(node.key.upper())}."
    )


def with_clause(c: Compiler, node: exp.Expr, ctes: dict[str, Cte], outer: Scope | None) -> tuple[str, dict[str, Cte]]:
    """`WITH …` in our words, and the queries that may be named after it: each sees only those before it."""
    clause = node.args.get("with_")
    if clause is None:
        return "", ctes
    refuse_other_parts(clause, "expressions", "recursive")
    if clause.args.get("recursive"):
        refuse("WITH RECURSIVE cannot be used here.")
    seen, parts = dict(ctes), list[str]()
    for cte in clause.expressions:
        refuse_other_parts(cte, "this", "alias", "materialized")
        alias = cte.args["alias"]
        refuse_other_parts(alias, "this", "columns")
        body = query(c, cte.this, seen, outer)
        outputs = sources.rename_outputs(body.outputs, [column.name for column in list_part(alias, "columns")])
        handle = c.handle()
        materialized = {True: " MATERIALIZED", False: " NOT MATERIALIZED"}.get(cte.args.get("materialized"), "")
        parts.append(f"{handle}({', '.join(shapes.quote_name(column.name) for column in outputs)}) AS{materialized} ({body.text})")
        seen[alias.name.lower()] = Cte(handle, outputs, body.single)
    return f"WITH {', '.join(parts)} ", seen


def _select(c: Compiler, node: exp.Expr, ctes: dict[str, Cte], outer: Scope | None) -> Query:
    refuse_other_parts(node, *_SELECT_PARTS)
    head, ctes = with_clause(c, node, ctes, outer)
    scope = Scope(outer, ctes)
    joined = sources.from_clause(c, node, scope)
    scope.windows = windows.named_windows(c, node, scope)
    items = projections(c, node, scope)
    if not items:
        refuse("A SELECT without columns gives nothing.")
    scope.aliases = {item.alias.lower(): item.sql for item in items if item.alias}
    where = _where(c, node, scope, items, joined)
    grouped = _group(c, node, scope, items)
    tail = ""
    if (having := node.args.get("having")) is not None:
        tail = f" HAVING {_expression_with_aliases(c, having.this, scope).text}"
    limit = _limit(node)
    distinct = _distinct(c, node, scope)
    aggregate = not grouped and (any(item.aggregated for item in items) or bool(tail))
    single = limit.single or aggregate or (not scope.sources) or all(source.single for source in scope.sources)
    outputs = tuple(Output(item.name, item.sql.kind, item.sql.fields) for item in items)
    core = f"{joined.text}{where}{grouped}{tail}"
    if node.args.get("qualify") is not None:
        text = _qualify(c, node, scope, items, distinct, core)
    else:
        text = f"SELECT {distinct}{', '.join(item.text for item in items)}{core}{_order(c, node, scope, items)}"
    return Query(f"{head}{text}{limit.text}", outputs, single)


def _expression_with_aliases(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """An expression where names of the SELECT list count, too (HAVING, QUALIFY, ORDER BY)."""
    scope.mode = "before" if c.clickhouse else "after"
    try:
        return c.expression(c, node, scope)
    finally:
        scope.mode = "none"


def _where(c: Compiler, node: exp.Expr, scope: Scope, items: list[Item], joined: sources.FromClause) -> str:
    """WHERE. In ClickHouse the names of the SELECT list count here, too, unless an aggregate is behind them."""
    if not c.clickhouse:
        return sources.where_clause(c, node, scope, joined)
    every = scope.aliases
    scope.aliases, scope.mode = {item.alias.lower(): item.sql for item in items if item.alias and not item.aggregated}, "before"
    try:
        return sources.where_clause(c, node, scope, joined)
    finally:
        scope.aliases, scope.mode = every, "none"


def _group(c: Compiler, node: exp.Expr, scope: Scope, items: list[Item]) -> str:
    group = node.args.get("group")
    if group is None:
        return ""
    refuse_other_parts(group, "expressions", "all", "rollup", "cube", "grouping_sets")
    for key, word in (("rollup", "ROLLUP"), ("cube", "CUBE"), ("grouping_sets", "GROUPING SETS")):
        if group.args.get(key):
            refuse(f"{word} cannot be used here.")
    if group.args.get("all"):
        plain = [str(position) for position, item in enumerate(items, 1) if not item.aggregated]
        return f" GROUP BY {', '.join(plain)}" if plain else ""
    parts: list[str] = []
    for grouping in group.expressions:
        if type(grouping) is exp.Literal and not grouping.is_string:
            parts.append(_ordinal(grouping, items))
        elif type(grouping) is exp.Column and not grouping.args.get("table") and (c.clickhouse or scope.column(grouping.name) is None):
            parts.append(_position(grouping.name, items) or _expression_with_aliases(c, grouping, scope).text)
        else:
            parts.append(c.expression(c, grouping, scope).text)
    return f" GROUP BY {', '.join(parts)}"


def _ordinal(node: exp.Expr, items: list[Item]) -> str:
    if not node.name.isdigit() or not 1 <= int(node.name[:6]) <= len(items):
        refuse(f"There is no column number {shorten(node.name)} in the SELECT list.")
    return node.name


def _position(name: str, items: list[Item]) -> str | None:
    """The number of the column that the SELECT list calls so."""
    positions = [position for position, item in enumerate(items, 1) if item.alias and item.alias.lower() == name.lower()]
    return str(positions[0]) if positions else None


def _distinct(c: Compiler, node: exp.Expr, scope: Scope) -> str:
    distinct = node.args.get("distinct")
    if distinct is None:
        return ""
    refuse_other_parts(distinct, "on")
    on = distinct.args.get("on")
    if on is None:
        return "DISTINCT "
    parts = [c.expression(c, key, scope) for key in (on.expressions if type(on) is exp.Tuple else [on])]
    return f"DISTINCT ON ({shapes.join_sql(parts)}) "


def _order(c: Compiler, node: exp.Expr, scope: Scope, items: list[Item]) -> str:
    parts = [f"{_order_key(c, key.this, scope, items)}{windows.direction(key)}" for key in _ordered(node)]
    return f" ORDER BY {', '.join(parts)}" if parts else ""


def _ordered(node: exp.Expr) -> list[exp.Expr]:
    order = node.args.get("order")
    if order is None:
        return []
    refuse_other_parts(order, "expressions")
    return list(order.expressions)


def _order_key(c: Compiler, node: exp.Expr, scope: Scope, items: list[Item]) -> str:
    if type(node) is exp.Literal and not node.is_string:
        return _ordinal(node, items)
    if type(node) is exp.Column and not node.args.get("table") and (position := _position(node.name, items)):
        return position
    return _expression_with_aliases(c, node, scope).text


def _qualify(c: Compiler, node: exp.Expr, scope: Scope, items: list[Item], distinct: str, core: str) -> str:
    """QUALIFY: the query with its condition as one more column, inside one that filters by it; what it is sorted by goes along."""
    if distinct.startswith("DISTINCT ON"):
        refuse("DISTINCT ON and QUALIFY cannot be used together.")
    inside = [item.text for item in items]
    inside.append(f"{_expression_with_aliases(c, node.args['qualify'].this, scope).text} AS q")
    keys: list[str] = []
    for number, term in enumerate(_ordered(node), 1):
        key = _order_key(c, term.this, scope, items)
        if key.isdigit():
            keys.append(f"{key}{windows.direction(term)}")
        elif distinct:
            refuse("With DISTINCT and QUALIFY, sort by columns of the SELECT list.")
        else:
            inside.append(f"{key} AS o{number}")
            keys.append(f"q0.o{number}{windows.direction(term)}")
    names = ", ".join(f"q0.{shapes.quote_name(item.name)}" for item in items)
    order = f" ORDER BY {', '.join(keys)}" if keys else ""
    return f"SELECT {distinct}{names} FROM (SELECT {', '.join(inside)}{core}) AS q0 WHERE q0.q{order}"  # noqa: S608 - written by us


class _Limit:
    """LIMIT and OFFSET: constants only."""

    def __init__(self, text: str, single: bool) -> None:
        self.text, self.single = text, single


def _limit(node: exp.Expr) -> _Limit:
    limit, offset = node.args.get("limit"), node.args.get("offset")
    text, single = "", False
    if limit is not None:
        if type(limit) is exp.Fetch:
            refuse_other_parts(limit, "direction", "count", "limit_options")
            options = limit.args.get("limit_options")
            if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
                refuse("FETCH takes ROWS ONLY here.")
            count = limit.args.get("count")
        else:
            refuse_other_parts(limit, "expression", "this")
            count = limit.args.get("expression")
        value = "1" if count is None else _count(count, "LIMIT")
        text, single = f" LIMIT {value}", int(value) <= 1
    if offset is not None:
        refuse_other_parts(offset, "expression", "this")
        text += f" OFFSET {_count(offset.args.get('expression'), 'OFFSET')}"
    return _Limit(text, single)


def _count(node: exp.Expr | None, word: str) -> str:
    value = node.name if type(node) is exp.Literal and not node.is_string else ""
    if not (value.isascii() and value.isdigit()) or len(value) > 12:
        refuse(f"{word} takes a number here.")
    return value


def _set_operation(c: Compiler, node: exp.Expr, ctes: dict[str, Cte], outer: Scope | None) -> Query:
    refuse_other_parts(node, "with_", "this", "expression", "distinct", "order", "limit", "offset")
    head, ctes = with_clause(c, node, ctes, outer)
    left, right = query(c, node.this, ctes, outer), query(c, node.args["expression"], ctes, outer)
    if len(left.outputs) != len(right.outputs):
        refuse(f"Both sides of {_SET_WORDS[type(node)]} need the same number of columns, not {len(left.outputs)} and {len(right.outputs)}.")
    outputs = tuple(Output(output.name, _common_kind(output, other)) for output, other in zip(left.outputs, right.outputs, strict=True))
    word = f"{_SET_WORDS[type(node)]}{'' if node.args.get('distinct') else ' ALL'}"
    text = f"({left.text}) {word} ({right.text})"
    return _with_tail(node, f"{head}{text}", outputs, single=False)


def _common_kind(first: Output, second: Output) -> Kind:
    return first.kind if first.kind == second.kind else ""


def _parenthesized(c: Compiler, node: exp.Expr, ctes: dict[str, Cte], outer: Scope | None) -> Query:
    refuse_other_parts(node, "this", "with_", "order", "limit", "offset")
    head, ctes = with_clause(c, node, ctes, outer)
    inner = query(c, node.this, ctes, outer)
    if not (head or _ordered(node) or node.args.get("limit") or node.args.get("offset")):
        return inner
    return _with_tail(node, f"{head}({inner.text})", inner.outputs, single=inner.single)


def _with_tail(node: exp.Expr, text: str, outputs: tuple[Output, ...], *, single: bool) -> Query:
    """ORDER BY and LIMIT of a query that is made of others: sorted by its columns, by name or number."""
    keys: list[str] = []
    for term in _ordered(node):
        key = term.this
        if type(key) is exp.Literal and not key.is_string and key.name.isdigit() and 1 <= int(key.name[:6]) <= len(outputs):
            keys.append(f"{key.name}{windows.direction(term)}")
            continue
        name = key.name.lower() if type(key) is exp.Column and not key.args.get("table") else None
        positions = [position for position, output in enumerate(outputs, 1) if output.name.lower() == name]
        if not positions:
            refuse("Sort a UNION and its like by the names or numbers of its columns.")
        keys.append(f"{positions[0]}{windows.direction(term)}")
    limit = _limit(node)
    order = f" ORDER BY {', '.join(keys)}" if keys else ""
    return Query(f"{text}{order}{limit.text}", outputs, single or limit.single)
