"""Translate expressions node by node; a kind of node that is not listed here is refused."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.errors import SqlRefused, refuse, shorten
from cargo_ai.user_sql.translate import paths, shapes, time_bounds, windows
from cargo_ai.user_sql.translate.calls import functions
from cargo_ai.user_sql.translate.calls.casts import cast
from cargo_ai.user_sql.translate.compiler import Compiler, Rule, refuse_other_parts, unknown_construct
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Sql

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    exp.Like: "LIKE",
    exp.ILike: "ILIKE",
    exp.SimilarTo: "SIMILAR TO",
    exp.RegexpLike: "~",
    exp.RegexpILike: "~*",
    exp.ArrayContainsAll: "@>",
}
_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_CHAINS: dict[type[exp.Expr], str] = {exp.And: "AND", exp.Or: "OR", exp.DPipe: "||"}
_TIME_KINDS: frozenset[Kind] = frozenset({"date", "timestamp", "datetime"})
_UNITS = frozenset({"microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"})


def expression(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """The value of a node in our words. SqlRefused for what is not on the list."""
    kind = type(node)
    rule = c.dialect.nodes.get(kind) or _RULES.get(kind)
    if rule is not None:
        return rule(c, node, scope)
    if kind in _COMPARISONS:
        refuse_other_parts(node, "this", "expression")
        left, right = c.expression(c, node.this, scope), c.expression(c, node.args["expression"], scope)
        return Sql(f"({time_bounds.comparison(left, _COMPARISONS[kind], right, (node.this, node.args['expression']))})", "boolean")
    if kind in _CHAINS:
        return _chain(c, node, scope)
    if kind in _ARITHMETIC:
        return _arithmetic(c, node, scope)
    raise SqlRefused(unknown_construct(node))


def _side(c: Compiler, node: exp.Expr, key: str, scope: Scope) -> str:
    return c.expression(c, node.args[key], scope).text


def _chain(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """`a AND b AND c`, without recursion: a query may tie thousands together."""
    kind, parts, todo = type(node), list[Sql](), [node]
    while todo:
        operand = todo.pop()
        if type(operand) is kind:
            refuse_other_parts(operand, "this", "expression", "safe")
            todo += [operand.args["expression"], operand.this]
        else:
            parts.append(c.expression(c, operand, scope))
    text = f" {_CHAINS[kind]} ".join(part.text for part in parts)
    return Sql(f"({text})", "string" if kind is exp.DPipe and all(part.kind in {"string", ""} for part in parts) else _chain_kind(kind))


def _chain_kind(kind: type[exp.Expr]) -> Kind:
    return "" if kind is exp.DPipe else "boolean"


def _arithmetic(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "expression")
    left, right = c.expression(c, node.this, scope), c.expression(c, node.args["expression"], scope)
    special = c.dialect.arithmetic(type(node), left, right)
    return special or Sql(f"({left.text} {_ARITHMETIC[type(node)]} {right.text})", _result(type(node), left, right))


def _result(kind: type[exp.Expr], left: Sql, right: Sql) -> Kind:
    pair: set[Kind] = {left.kind, right.kind}
    if pair <= {"integer", "number"}:
        return "integer" if pair == {"integer"} else "number"
    if "interval" in pair and pair & _TIME_KINDS:
        return "datetime" if "date" in pair else (pair - {"interval"}).pop()
    if left.kind == right.kind == "date" and kind is exp.Sub:
        return "integer"
    if pair == {"date", "integer"}:
        return "date"
    return ""


def _division(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "expression", "typed", "safe")
    return Sql(f"({_side(c, node, 'this', scope)} / {_side(c, node, 'expression', scope)})")


def _modulo(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "expression")
    return Sql(f"bq.mod({_side(c, node, 'this', scope)}, {_side(c, node, 'expression', scope)})")


def _power(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "expression")
    return Sql(f"({_side(c, node, 'this', scope)} ^ {_side(c, node, 'expression', scope)})", "number")


def _distance(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "expression")
    return Sql(f"bq.euclidean_distance({_side(c, node, 'this', scope)}, {_side(c, node, 'expression', scope)})", "number")


def _literal(_c: Compiler, node: exp.Expr, _scope: Scope) -> Sql:
    if node.args.get("is_string"):
        return Sql(shapes.quote_text(node.name), "string", literal=node.name)
    return Sql(shapes.check_number(node.name), "integer" if node.name.isdigit() else "number")


def _raw(_c: Compiler, node: exp.Expr, _scope: Scope) -> Sql:
    return Sql(shapes.quote_text(node.name), "string", literal=node.name)


def _joined_literals(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """Constants that stand side by side are one text."""
    parts = [c.expression(c, item, scope) for item in node.expressions]
    if any(part.literal is None for part in parts):
        refuse("CONCAT cannot be used like this.")
    whole = "".join(part.literal or "" for part in parts)
    return Sql(shapes.quote_text(whole), "string", literal=whole)


def _paren(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return c.expression(c, node.this, scope)


def _not(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return Sql(f"(NOT {_side(c, node, 'this', scope)})", "boolean")


def _negative(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value = c.expression(c, node.this, scope)
    return Sql(f"(- {value.text})", value.kind)


def _is(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "expression")
    right = node.args["expression"]
    negated = type(right) is exp.Not
    right = right.this if negated else right
    if type(right) is exp.Null:
        word = "NULL"
    elif type(right) is exp.Boolean:
        word = "TRUE" if right.this else "FALSE"
    else:
        refuse("IS takes NULL, TRUE or FALSE here.")
    return Sql(f"({_side(c, node, 'this', scope)} IS {'NOT ' if negated else ''}{word})", "boolean")


def _between(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "low", "high", "symmetric")
    word = "BETWEEN SYMMETRIC" if node.args.get("symmetric") else "BETWEEN"
    value, low, high = (c.expression(c, node.args[key], scope) for key in ("this", "low", "high"))
    bounds = "" if node.args.get("symmetric") else time_bounds.between(value, low, high, (node.args["low"], node.args["high"]))
    return Sql(f"({value.text} {word} {low.text} AND {high.text}{bounds})", "boolean")


def _in(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "expressions", "query", "unnest")
    value = _side(c, node, "this", scope)
    if (unnest := node.args.get("unnest")) is not None:
        refuse_other_parts(unnest, "expressions")
        return Sql(f"({value} IN (SELECT bq.unnest({c.expression(c, unnest.expressions[0], scope).text})))", "boolean")
    if (inside := node.args.get("query")) is not None:
        return Sql(f"({value} IN ({c.query(c, inside, scope.ctes, scope).text}))", "boolean")
    values = [c.expression(c, item, scope) for item in node.expressions]
    if not values:
        refuse("IN () is empty.")
    return Sql(f"({value} IN ({shapes.join_sql(values)}))", "boolean")


def _escape(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "expression")
    like, sign = node.this, node.args["expression"]
    if type(like) not in {exp.Like, exp.ILike, exp.SimilarTo} or type(sign) is not exp.Literal or not sign.is_string:
        refuse("ESCAPE belongs to LIKE, with a constant.")
    inside = c.expression(c, like, scope).text
    return Sql(f"({inside[1:-1]} ESCAPE {shapes.quote_text(sign.name)})", "boolean")


def _case(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "ifs", "default")
    subject = node.args.get("this")
    head = f" {c.expression(c, subject, scope).text}" if subject is not None else ""
    branches, results = list[str](), list[Sql]()
    for branch in node.args["ifs"]:
        results.append(c.expression(c, branch.args["true"], scope))
        branches.append(f" WHEN {c.expression(c, branch.this, scope).text} THEN {results[-1].text}")
    if (default := node.args.get("default")) is not None:
        results.append(c.expression(c, default, scope))
        branches.append(f" ELSE {results[-1].text}")
    return Sql(f"(CASE{head}{''.join(branches)} END)", shapes.common_kind(results))


def _if(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "true", "false")
    yes = c.expression(c, node.args["true"], scope)
    no = c.expression(c, node.args["false"], scope) if node.args.get("false") is not None else Sql("NULL")
    return Sql(f"(CASE WHEN {_side(c, node, 'this', scope)} THEN {yes.text} ELSE {no.text} END)", shapes.common_kind([yes, no]))


def _interval(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "unit")
    value, unit = node.args.get("this"), node.args.get("unit")
    if value is None:
        refuse("An INTERVAL needs a number.")
    if unit is None:
        if type(value) is not exp.Literal or not value.is_string:
            refuse("Write INTERVAL '1 day' or INTERVAL 1 DAY.")
        return Sql(f"CAST({shapes.quote_text(value.name)} AS interval)", "interval")
    word = unit.name.lower().removesuffix("s") if type(unit) is exp.Var else ""
    if word not in _UNITS:
        refuse(f"There is no interval of {shorten(unit.sql().lower())}.")
    step = "3 month" if word == "quarter" else f"1 {word}"
    amount = value.name if type(value) is exp.Literal else None
    if amount is not None and functions.NUMBER.fullmatch(amount):
        return Sql(f"({amount} * CAST('{step}' AS interval))", "interval")
    if amount is not None and value.is_string:
        refuse(f"{shorten(amount)} is not a number of {word}s.")
    return Sql(f"({c.expression(c, value, scope).text} * CAST('{step}' AS interval))", "interval")


def _at_time_zone(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "zone")
    value, zone = c.expression(c, node.this, scope), c.expression(c, node.args["zone"], scope)
    kind: Kind = "datetime" if value.kind == "timestamp" else "timestamp" if value.kind in {"datetime", "date"} else ""
    return Sql(f"({value.text} AT TIME ZONE {zone.text})", kind)


def _subquery(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    subquery = c.query(c, node, scope.ctes, scope)
    if len(subquery.outputs) != 1:
        refuse("A subquery that stands for a value gives one column.")
    return Sql(f"({subquery.text})", subquery.outputs[0].kind, subquery.outputs[0].fields)


def _exists(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this")
    return Sql(f"(EXISTS ({c.query(c, node.this, scope.ctes, scope).text}))", "boolean")


def _quantified(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this")
    word, inside = "ANY" if type(node) is exp.Any else "ALL", node.this
    inside = inside.this if type(inside) is exp.Paren else inside
    if isinstance(inside, exp.Query):
        return Sql(f"{word} ({c.query(c, inside, scope.ctes, scope).text})")
    return Sql(f"{word} ({c.expression(c, inside, scope).text})")


def _tuple(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return Sql(f"({shapes.join_sql([c.expression(c, item, scope) for item in node.expressions])})")


def _array(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
        c.collects = True
        return Sql(f"(ARRAY({c.query(c, node.expressions[0], scope.ctes, scope).text}))", "array")
    return Sql(f"(ARRAY[{shapes.join_sql([c.expression(c, item, scope) for item in node.expressions])}])", "array")


def _window(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    before = scope.aggregated
    function = node.this
    if type(function) not in {exp.Anonymous, exp.Filter}:
        refuse("IGNORE NULLS cannot be used here." if type(function) is exp.IgnoreNulls else "OVER must follow a function.")
    called = function.this if type(function) is exp.Filter else function
    value = functions.windowed(c, called, scope)
    if type(function) is exp.Filter:
        value = Sql(f"{value.text} FILTER (WHERE {c.expression(c, function.args['expression'].this, scope).text})", value.kind)
    scope.aggregated = before
    return Sql(f"({value.text} OVER {windows.over_clause(c, node, scope)})", value.kind)


def _filter(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    refuse_other_parts(node, "this", "expression")
    if type(node.this) not in {exp.Anonymous, exp.GroupConcat, exp.WithinGroup}:
        refuse("FILTER must follow an aggregate.")
    value = c.expression(c, node.this, scope)
    condition = c.expression(c, node.args["expression"].this, scope).text
    if " FILTER " in value.text or not value.text.endswith(")") or value.text.startswith("("):
        refuse("FILTER cannot be used after this function.")
    return Sql(f"{value.text} FILTER (WHERE {condition})", value.kind)


def _constant(text: str, kind: Kind = "") -> Rule:
    return lambda _c, _node, _scope: Sql(text, kind)


def _boolean(_c: Compiler, node: exp.Expr, _scope: Scope) -> Sql:
    return Sql("TRUE" if node.this else "FALSE", "boolean")


_RULES: dict[type[exp.Expr], Rule] = {
    exp.Column: paths.column,
    exp.Dot: paths.dot,
    exp.Literal: _literal,
    exp.RawString: _raw,
    exp.ByteString: _raw,
    exp.Concat: _joined_literals,
    exp.Null: _constant("NULL"),
    exp.Boolean: _boolean,
    exp.Paren: _paren,
    exp.Not: _not,
    exp.Neg: _negative,
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Escape: _escape,
    exp.Case: _case,
    exp.If: _if,
    exp.Interval: _interval,
    exp.AtTimeZone: _at_time_zone,
    exp.Subquery: _subquery,
    exp.Exists: _exists,
    exp.Any: _quantified,
    exp.All: _quantified,
    exp.Tuple: _tuple,
    exp.Array: _array,
    exp.JSONExtract: paths.json_path,
    exp.JSONExtractScalar: paths.json_path,
    exp.JSONBExtract: paths.json_path,
    exp.JSONBExtractScalar: paths.json_path,
    exp.JSONBContainsTopKey: paths.has_key,
    exp.Bracket: paths.bracket,
    exp.Window: _window,
    exp.Filter: _filter,
    exp.Div: _division,
    exp.Mod: _modulo,
    exp.Pow: _power,
    exp.Distance: _distance,
    exp.Cast: cast,
    exp.TryCast: cast,
    exp.Anonymous: functions.call,
    exp.GroupConcat: functions.string_agg,
    exp.WithinGroup: functions.within_group,
    exp.Extract: functions.extract,
    exp.Substring: functions.substring,
    exp.Trim: functions.trim,
    exp.StrPosition: functions.position,
    exp.CurrentDate: _constant("CURRENT_DATE", "date"),
    exp.CurrentTimestamp: _constant("CURRENT_TIMESTAMP", "timestamp"),
    exp.CurrentDatetime: _constant("LOCALTIMESTAMP", "datetime"),
    exp.Localtimestamp: _constant("LOCALTIMESTAMP", "datetime"),
}
