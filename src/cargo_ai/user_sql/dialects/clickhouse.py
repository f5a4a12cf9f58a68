"""ClickHouse's functions, operators and parameterized aggregates, each as its equal in PostgreSQL."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.dialects import bigquery_timestamps
from cargo_ai.user_sql.dialects.bigquery import COMMON_FUNCTIONS
from cargo_ai.user_sql.errors import refuse, shorten
from cargo_ai.user_sql.translate import shapes, weights
from cargo_ai.user_sql.translate.calls.arguments import argument_nodes, as_timestamp, translate_arguments
from cargo_ai.user_sql.translate.compiler import Compiler, Dialect, Rule, refuse_other_parts
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Sql

_TIME_KINDS: frozenset[Kind] = frozenset({"date", "timestamp", "datetime"})
_SUMS = {"sum": "sum({0})", "avg": "avg({0})", "min": "min({0})", "max": "max({0})", "any": "any_value({0})", "uniq": "count(DISTINCT {0})"}
_AGGREGATES_IF = {**_SUMS, "uniqexact": "count(DISTINCT {0})", "count": "count({0})"}
"""Aggregates that take the suffix If: with a condition as their last argument."""
_QUANTILES = {
    "quantile": "percentile_cont",
    "quantileexact": "percentile_disc",
    "quantiletiming": "percentile_cont",
    "median": "percentile_cont",
}
_STEPS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
MAX_STEPS = 10_000


def _division(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """`/` gives a fraction also for whole numbers, and nothing (ClickHouse: inf or nan) where the right side is 0."""
    refuse_other_parts(node, "this", "expression", "typed", "safe")
    left, right = c.expression(c, node.this, scope), c.expression(c, node.args["expression"], scope)
    return Sql(f"(CAST({left.text} AS double precision) / NULLIF(CAST({right.text} AS double precision), 0))", "number")


def _timestamp_arithmetic(kind: type[exp.Expr], left: Sql, right: Sql) -> Sql | None:
    """The difference of two moments is a number of seconds, and a moment plus a number of seconds a moment. None for anything else."""
    exact: set[Kind] = {"timestamp", "datetime"}
    if kind is exp.Sub and left.kind in exact and right.kind in exact:
        return Sql(f"CAST(EXTRACT(EPOCH FROM ({left.text} - {right.text})) AS double precision)", "number")
    if kind in {exp.Add, exp.Sub} and left.kind in exact and right.kind in {"integer", "number"}:
        sign = "+" if kind is exp.Add else "-"
        return Sql(f"({left.text} {sign} ({right.text} * CAST('1 second' AS interval)))", left.kind)
    return None


def _as_number(called: str, value: Sql) -> Sql:
    """A condition in a sum or an average is 1 or 0."""
    return Sql(f"CAST({value.text} AS integer)", "integer") if value.kind == "boolean" and called in {"sum", "avg"} else value


def _aggregate_if(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """sumIf(x, condition) and its like; countIf(condition)."""
    called = node.name.lower().removesuffix("if")
    if called == "count" and len(node.expressions) == 1:
        condition = translate_arguments(c, node, scope, 1, 1)[0]
        scope.aggregated = True
        return Sql(f"count(*) FILTER (WHERE {condition.text})", "integer")
    value, condition = translate_arguments(c, node, scope, 2, 2)
    scope.aggregated = True
    value = _as_number(called, value)
    kind: Kind = "integer" if called in {"uniq", "uniqexact", "count"} else "number" if called == "avg" else value.kind
    if called == "avg" and c.weight:
        return Sql(weights.average(value.text, weights.weight(c, scope), condition.text), kind)
    text = _AGGREGATES_IF[called].format(value.text)
    filtered = f"{text} FILTER (WHERE {condition.text})"
    # A sum over nothing is 0 there, not NULL.
    return Sql(f"coalesce({filtered}, 0)" if called == "sum" else filtered, kind)


def _parameterized(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """quantile(0.9)(x), quantileIf(0.9)(x, condition), quantiles(0.5, 0.9)(x): levels first, then what is measured."""
    refuse_other_parts(node, "this", "expressions", "params")
    called = str(node.this).lower()
    levels, arguments = node.expressions, list(node.args.get("params") or [])
    plain = called.removesuffix("if")
    several = plain in {"quantiles", "quantilesexact"}
    function = _QUANTILES.get(plain.replace("quantiles", "quantile", 1) if several else plain)
    if function is None or len(arguments) != (2 if called.endswith("if") else 1):
        refuse(f"There is no function {shorten(str(node.this))} with two pairs of parentheses here. Did you mean quantile(0.9)(x)?")
    if not levels or (len(levels) > 1 and not several):
        refuse(f"{shorten(str(node.this))} takes one level, such as 0.9, in its first parentheses.")
    return _percentile(c, scope, function, [_level(level) for level in levels], arguments, several=several)


def _level(node: exp.Expr) -> str:
    text = node.name if type(node) is exp.Literal and not node.is_string else ""
    try:
        level = float(text)
    except ValueError:
        level = -1.0
    if not 0.0 <= level <= 1.0:
        refuse("The level of a quantile is a number from 0 to 1.")
    return repr(level)


def _percentile(c: Compiler, scope: Scope, function: str, levels: list[str], arguments: list[exp.Expr], *, several: bool = False) -> Sql:
    values = [c.expression(c, argument, scope) for argument in arguments]
    scope.aggregated = True
    value = values[0].text
    if function == "percentile_cont" and values[0].kind in {"integer", "number", ""}:
        value = f"CAST({value} AS double precision)"
    elif values[0].kind in _TIME_KINDS:
        function = "percentile_disc"
    kind: Kind = "array" if several else "number" if function == "percentile_cont" else values[0].kind
    if c.weight:
        condition = values[1].text if len(values) == 2 else "TRUE"
        found = [weights.percentile(function, level, value, weights.weight(c, scope), condition) for level in levels]
        return Sql(f"(CASE WHEN {found[0]} IS NOT NULL THEN ARRAY[{', '.join(found)}] END)" if several else found[0], kind)
    level = f"CAST(ARRAY[{', '.join(levels)}] AS double precision[])" if several else levels[0]
    text = f"{function}({level}) WITHIN GROUP (ORDER BY {value})"
    if len(values) == 2:
        text += f" FILTER (WHERE {values[1].text})"
    return Sql(text, kind)


def _quantile(function: str) -> Rule:
    """quantile(x) and median(x): the level is one half."""

    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        return _percentile(c, scope, function, ["0.5"], argument_nodes(node, 1, 1))

    return rule


def _template(text: str, least: int, most: int, kind: Kind = "", *, aggregate: bool = False) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        arguments = translate_arguments(c, node, scope, least, most)
        scope.aggregated = scope.aggregated or aggregate
        return Sql(text.format(*(argument.text for argument in arguments), all=shapes.join_sql(arguments)), kind or arguments[0].kind)

    return rule


def _sum(text: str) -> Rule:
    """A sum over no rows is 0."""

    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value = _as_number("sum", translate_arguments(c, node, scope, 1, 1)[0])
        scope.aggregated = True
        return Sql(text.format(value.text), value.kind)

    return rule


def _arg(order: str) -> Rule:
    """argMax(x, y): the x where y is greatest."""

    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value, by = translate_arguments(c, node, scope, 2, 2)
        scope.aggregated = c.collects = True
        inside = f"array_agg({value.text} ORDER BY {by.text} {order} NULLS LAST) FILTER (WHERE {value.text} IS NOT NULL)"
        return Sql(f"(({inside})[1])", value.kind)

    return rule


def _start_of(step: str, kind: Kind) -> Rule:
    """toStartOfDay and its like; from a week on they give a date."""

    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value = as_timestamp(translate_arguments(c, node, scope, 1, 1)[0], "timestamp")
        text = f"bq.date_trunc({value.text}, '{step}')"
        return Sql(f"CAST({text} AS date)", "date") if kind == "date" else Sql(f"CAST({text} AS timestamptz)", "timestamp")

    return rule


def _bin_minutes(minutes: int) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value = as_timestamp(translate_arguments(c, node, scope, 1, 1)[0], "timestamp")
        return _bin(value, minutes * 60)

    return rule


def _interval(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """toStartOfInterval(x, INTERVAL n unit)."""
    value, step = argument_nodes(node, 2, 2)
    moment = as_timestamp(c.expression(c, value, scope), "timestamp")
    amount = step.args.get("this") if type(step) is exp.Interval else None
    unit = step.args.get("unit") if type(step) is exp.Interval else None
    word = unit.name.lower().removesuffix("s") if type(unit) is exp.Var else ""
    count = amount.name if type(amount) is exp.Literal else ""
    if word not in _STEPS or not count.isdecimal() or len(count) > 5 or not 1 <= int(count) <= MAX_STEPS:
        refuse("toStartOfInterval takes an INTERVAL of whole seconds, minutes, hours or days as its second argument.")
    return _bin(moment, int(count) * _STEPS[word])


def _bin(value: Sql, seconds: int) -> Sql:
    origin = "CAST('1970-01-01T00:00:00Z' AS timestamptz)"
    return Sql(f"date_bin(CAST('{seconds} second' AS interval), CAST({value.text} AS timestamptz), {origin})", "timestamp")


def _difference(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """dateDiff('day', a, b): how many boundaries lie between a and b; weeks begin on Monday."""
    word, first, second = argument_nodes(node, 3, 3)
    begin, end = (as_timestamp(c.expression(c, side, scope), "timestamp") for side in (first, second))
    step = bigquery_timestamps.unit(word, bigquery_timestamps.UNITS).replace("week_0", "isoweek")
    return Sql(f"bq.datetime_diff({end.text}, {begin.text}, '{step}')", "integer")


def _shift(sign: str, unit: str) -> Rule:
    """addDays(x, n) and its like."""

    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value, count = translate_arguments(c, node, scope, 2, 2)
        moment = as_timestamp(value, "timestamp")
        step = "3 month" if unit == "quarter" else f"1 {unit}"
        text = f"({moment.text} {sign} ({count.text} * CAST('{step}' AS interval)))"
        day = moment.kind == "date" and unit in {"day", "week", "month", "quarter", "year"}
        return Sql(f"CAST({text} AS date)" if day else text, moment.kind)

    return rule


def _part(text: str) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value = as_timestamp(translate_arguments(c, node, scope, 1, 1)[0], "timestamp")
        return Sql(f"CAST({text.format(value.text)} AS bigint)", "integer")

    return rule


def _multi_if(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """multiIf(condition, value, …, otherwise)."""
    arguments = translate_arguments(c, node, scope, 3, 99)
    if len(arguments) % 2 == 0:
        refuse("multiIf takes pairs of a condition and a value, and one value more for all other cases.")
    pairs = zip(arguments[:-1:2], arguments[1::2], strict=True)
    branches = "".join(f" WHEN {condition.text} THEN {value.text}" for condition, value in pairs)
    kinds: set[Kind] = {branch.kind for branch in [*arguments[1::2], arguments[-1]] if branch.text != "NULL"}
    return Sql(f"(CASE{branches} ELSE {arguments[-1].text} END)", kinds.pop() if len(kinds) == 1 else "")


def _concat(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """concat: NULL when any argument is."""
    arguments = translate_arguments(c, node, scope, 1, 100)
    return Sql(f"({' || '.join(f'CAST({argument.text} AS text)' for argument in arguments)})", "string")


_STARTS: dict[str, Rule] = {
    "tostartofsecond": _start_of("second", "timestamp"),
    "tostartofminute": _start_of("minute", "timestamp"),
    "tostartoffiveminutes": _bin_minutes(5),
    "tostartoftenminutes": _bin_minutes(10),
    "tostartoffifteenminutes": _bin_minutes(15),
    "tostartofhour": _start_of("hour", "timestamp"),
    "tostartofday": _start_of("day", "timestamp"),
    "tostartofweek": _start_of("week_0", "date"),
    "tomonday": _start_of("week_1", "date"),
    "tostartofmonth": _start_of("month", "date"),
    "tostartofquarter": _start_of("quarter", "date"),
    "tostartofyear": _start_of("year", "date"),
    "tostartofinterval": _interval,
}
_SHIFTS: dict[str, Rule] = {
    f"{verb}{unit}s": _shift(sign, unit)
    for verb, sign in (("add", "+"), ("subtract", "-"))
    for unit in ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
}

_FUNCTIONS: dict[str, Rule] = {
    **{f"{name}if": _aggregate_if for name in _AGGREGATES_IF},
    **_STARTS,
    **_SHIFTS,
    "datediff": _difference,
    "date_diff": _difference,
    "sum": _sum("coalesce(sum({0}), 0)"),
    "any": _template("any_value({0})", 1, 1, aggregate=True),
    "anylast": _template("any_value({0})", 1, 1, aggregate=True),
    "uniq": _template("count(DISTINCT {0})", 1, 1, "integer", aggregate=True),
    "uniqexact": _template("count(DISTINCT {0})", 1, 1, "integer", aggregate=True),
    "argmax": _arg("DESC"),
    "argmin": _arg("ASC"),
    "quantile": _quantile("percentile_cont"),
    "quantileexact": _quantile("percentile_disc"),
    "median": _quantile("percentile_cont"),
    "multiif": _multi_if,
    "concat": _concat,
    "now": _template("date_trunc('second', now())", 0, 0, "timestamp"),
    "now64": _template("now()", 0, 1, "timestamp"),
    "today": _template("CURRENT_DATE", 0, 0, "date"),
    "yesterday": _template("(CURRENT_DATE - 1)", 0, 0, "date"),
    "todate": _template("CAST({0} AS date)", 1, 1, "date"),
    "todatetime": _template("date_trunc('second', CAST({0} AS timestamptz))", 1, 1, "timestamp"),
    "todatetime64": _template("CAST({0} AS timestamptz)", 1, 2, "timestamp"),
    "tounixtimestamp": _part("floor(EXTRACT(EPOCH FROM {0}))"),
    "toyear": _part("EXTRACT(YEAR FROM {0})"),
    "toquarter": _part("EXTRACT(QUARTER FROM {0})"),
    "tomonth": _part("EXTRACT(MONTH FROM {0})"),
    "todayofmonth": _part("EXTRACT(DAY FROM {0})"),
    "todayofweek": _part("EXTRACT(ISODOW FROM {0})"),
    "tohour": _part("EXTRACT(HOUR FROM {0})"),
    "tominute": _part("EXTRACT(MINUTE FROM {0})"),
    "tostring": _template("CAST({0} AS text)", 1, 1, "string"),
    "toint32": _template("CAST(trunc(CAST({0} AS numeric)) AS bigint)", 1, 1, "integer"),
    "toint64": _template("CAST(trunc(CAST({0} AS numeric)) AS bigint)", 1, 1, "integer"),
    "tofloat64": _template("CAST({0} AS double precision)", 1, 1, "number"),
    "intdiv": _template("bq.div({0}, {1})", 2, 2, "integer"),
    "ifnull": _template("COALESCE({0}, {1})", 2, 2),
    "isnull": _template("({0} IS NULL)", 1, 1, "boolean"),
    "isnotnull": _template("({0} IS NOT NULL)", 1, 1, "boolean"),
    "empty": _template("(CAST({0} AS text) = '')", 1, 1, "boolean"),
    "notempty": _template("(CAST({0} AS text) <> '')", 1, 1, "boolean"),
    "position": _template("strpos({0}, {1})", 2, 2, "integer"),
    "startswith": _template("starts_with({0}, {1})", 2, 2, "boolean"),
    "endswith": _template("bq.ends_with({0}, {1})", 2, 2, "boolean"),
    "match": _template("({0} ~ {1})", 2, 2, "boolean"),
    "substring": _template("substr({all})", 2, 3, "string"),
}

CLICKHOUSE = Dialect(
    "clickhouse",
    {**COMMON_FUNCTIONS, **_FUNCTIONS},
    nodes={exp.Div: _division, exp.ParameterizedAgg: _parameterized, exp.CombinedParameterizedAgg: _parameterized},
    aggregates=frozenset(_FUNCTIONS),
    arithmetic=_timestamp_arithmetic,
    aggregate_argument=_as_number,
)
