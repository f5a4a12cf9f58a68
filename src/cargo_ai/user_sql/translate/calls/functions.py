"""Translate calls of functions; a name that is on no list is refused."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import cast as typed

from sqlglot import exp

from cargo_ai.user_sql.errors import SqlRefused, refuse, shorten
from cargo_ai.user_sql.translate import shapes, weights, windows
from cargo_ai.user_sql.translate.calls.allowed_functions import (
    AGGREGATES,
    COLLECTING,
    IMPOSSIBLE,
    SAME_KIND,
    SCALARS,
    WINDOWS,
    WITHIN,
    Signature,
)
from cargo_ai.user_sql.translate.calls.arguments import translate_arguments
from cargo_ai.user_sql.translate.compiler import Compiler, Rule, refuse_other_parts
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Output, Sql

NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_PARTS = frozenset(
    {"epoch", "year", "month", "day", "hour", "minute", "second", "dow", "isodow", "doy", "week", "quarter", "isoyear", "millisecond"}
    | {"milliseconds", "microsecond", "microseconds", "century", "decade"}
)
_TRUNCS = frozenset({"microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade"})


@dataclass(frozen=True, slots=True)
class TableFunction:
    """A function in FROM. `named_by_alias`: its column is called like its alias."""

    text: str
    outputs: tuple[Output, ...]
    named_by_alias: bool = False


def unknown_function(c: Compiler, called: str) -> str:
    """The sentence about a function that is on no list."""
    lowered = called.lower()
    if (why := IMPOSSIBLE.get(lowered)) is not None:
        return f"{called.upper()} cannot be used here: {why}."
    close = difflib.get_close_matches(
        lowered, [*SCALARS, *AGGREGATES, *WINDOWS, *WITHIN, *_POSTGRES_FUNCTIONS, *c.dialect.functions], 1, 0.8
    )
    return f"There is no function {shorten(called)} here." + (f" Did you mean {close[0]}?" if close else "")


def call(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """A function with its arguments. SqlRefused when it is on no list, takes other arguments, or only makes sense after OVER."""
    refuse_other_parts(node, "this", "expressions")
    called = node.name.lower()
    if (rule := c.dialect.functions.get(called) or _POSTGRES_FUNCTIONS.get(called)) is not None:
        return rule(c, node, scope)
    if called == "count" or called in AGGREGATES:
        return aggregate(c, node, scope)
    if called in SCALARS:
        return _allowed_call(c, SCALARS[called], called, node, scope)
    if called in WINDOWS or called in WITHIN:
        refuse(f"{called.upper()} needs {'OVER (…)' if called in WINDOWS else 'WITHIN GROUP (ORDER BY …)'} after it.")
    raise SqlRefused(unknown_function(c, node.name))


def _allowed_call(c: Compiler, rule: Signature, called: str, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, rule.least, rule.most)
    kind: Kind = rule.kind
    if called in SAME_KIND and arguments:
        kind = arguments[0].kind
    elif rule.name == "coalesce" or called == "coalesce":
        kind = shapes.common_kind(arguments)
    return Sql(f"{rule.name or called}({shapes.join_sql(arguments)})", kind)


def _substr(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return Sql(f"substr({shapes.join_sql(translate_arguments(c, node, scope, 2, 3))})", "string")


def _concat(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return Sql(f"concat({shapes.join_sql(translate_arguments(c, node, scope, 1, 100))})", "string")


def _log(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, 1, 2)
    if len(arguments) == 1:
        return Sql(f"log({arguments[0].text})", "number")
    return Sql(f"log({', '.join(f'CAST({argument.text} AS numeric)' for argument in arguments)})", "number")


def _array_length(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return Sql(f"array_length({shapes.join_sql(translate_arguments(c, node, scope, 2, 2))})", "integer")


def _greatest_or_least(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, 1, 100)
    return Sql(f"{node.name.upper()}({shapes.join_sql(arguments)})", arguments[0].kind)


def _unit(node: exp.Expr, known: frozenset[str]) -> str:
    unit = node.name.lower() if type(node) is exp.Literal and node.is_string else ""
    if unit not in known and f"{unit}s" not in known:
        refuse(f"The unit must be one of {', '.join(sorted(known))}, in quotes.")
    return shapes.quote_text(unit)


def date_trunc(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """DATE_TRUNC('unit', timestamp)."""
    if not 2 <= len(node.expressions) <= 3:
        refuse("DATE_TRUNC takes a unit and a timestamp.")
    arguments = [c.expression(c, argument, scope) for argument in node.expressions[1:]]
    return Sql(
        f"date_trunc({_unit(node.expressions[0], _TRUNCS)}, {shapes.join_sql(arguments)})",
        arguments[0].kind if arguments[0].kind != "date" else "timestamp",
    )


def _date_part(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    if len(node.expressions) != 2:
        refuse("DATE_PART takes a unit and a timestamp.")
    return Sql(f"date_part({_unit(node.expressions[0], _PARTS)}, {c.expression(c, node.expressions[1], scope).text})", "number")


_POSTGRES_FUNCTIONS: dict[str, Rule] = {
    "date_trunc": date_trunc,
    "date_part": _date_part,
    "substr": _substr,
    "concat": _concat,
    "greatest": _greatest_or_least,
    "least": _greatest_or_least,
    "log": _log,
    "array_length": _array_length,
}
"""Functions of PostgreSQL that mean something else, or take other arguments, in BigQuery."""


def extract(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """EXTRACT(part FROM moment)."""
    refuse_other_parts(node, "this", "expression")
    part = node.this.name.lower()
    if part not in _PARTS:
        refuse(f"EXTRACT has no part {shorten(part)}.")
    return Sql(f"EXTRACT({part.upper()} FROM {c.expression(c, node.args['expression'], scope).text})", "number")


def substring(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """SUBSTRING(text FROM start FOR length), also with commas."""
    refuse_other_parts(node, "this", "start", "length")
    arguments = [c.expression(c, argument, scope) for key in ("this", "start", "length") if (argument := node.args.get(key)) is not None]
    if len(arguments) < 2 or "start" not in node.args:
        refuse("SUBSTRING takes a text, a start and perhaps a length.")
    if arguments[1].kind == "string":
        refuse("SUBSTRING with a pattern cannot be used here: write REGEXP_SUBSTR.")
    return Sql(f"{'bq.substr' if c.bigquery else 'substr'}({shapes.join_sql(arguments)})", "string")


def trim(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """TRIM([BOTH|LEADING|TRAILING] [characters FROM] text)."""
    refuse_other_parts(node, "this", "position", "expression")
    called = {"": "btrim", "BOTH": "btrim", "LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper())
    if called is None:
        refuse("TRIM takes BOTH, LEADING or TRAILING.")
    arguments = [c.expression(c, argument, scope) for key in ("this", "expression") if (argument := node.args.get(key)) is not None]
    return Sql(f"{called}({shapes.join_sql(arguments)})", "string")


def position(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """POSITION(part IN text)."""
    refuse_other_parts(node, "this", "substr")
    return Sql(f"strpos({c.expression(c, node.this, scope).text}, {c.expression(c, node.args['substr'], scope).text})", "integer")


@dataclass(slots=True)
class AggregateArguments:
    """What an aggregate is given: its values, and what stands around them."""

    values: list[Sql]
    distinct: bool = False
    order: str = ""
    limit: int | None = None
    without_nulls: bool = False

    @property
    def text(self) -> str:
        """The inside of the parentheses."""
        order = f" {self.order}" if self.order else ""
        return f"{'DISTINCT ' if self.distinct else ''}{shapes.join_sql(self.values)}{order}"


def aggregate_arguments(c: Compiler, nodes: list[exp.Expr], scope: Scope) -> AggregateArguments:
    """The arguments of an aggregate: `[DISTINCT] a, b [IGNORE NULLS] [ORDER BY …] [LIMIT n]`."""
    arguments = AggregateArguments([])
    nodes = list(nodes)
    if nodes and type(nodes[-1]) is exp.Limit:
        refuse_other_parts(nodes[-1], "this", "expression")
        count = nodes[-1].args["expression"]
        if type(count) is not exp.Literal or not count.name.isdigit() or len(count.name) > 9:
            refuse("LIMIT in an aggregate takes a number.")
        arguments.limit, nodes[-1] = int(count.name), nodes[-1].this
    if nodes and type(nodes[-1]) is exp.Order:
        refuse_other_parts(nodes[-1], "this", "expressions")
        arguments.order, nodes[-1] = windows.order_by(c, nodes[-1], scope), nodes[-1].this
    if nodes and type(nodes[-1]) in {exp.IgnoreNulls, exp.RespectNulls}:
        arguments.without_nulls, nodes[-1] = type(nodes[-1]) is exp.IgnoreNulls, nodes[-1].this
    if nodes and type(nodes[0]) is exp.Distinct:
        refuse_other_parts(nodes[0], "expressions")
        arguments.distinct, nodes = True, [*nodes[0].expressions, *nodes[1:]]
    arguments.values = [c.expression(c, argument, scope) for argument in nodes]
    return arguments


def aggregate(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """An aggregate function."""
    called = node.name.lower()
    if called == "count":
        return _count(c, node, scope)
    rule = AGGREGATES[called]
    if called == "any_value" and len(node.expressions) == 1 and type(node.expressions[0]) is exp.HavingMax:
        return _any_value_having(c, node.expressions[0], scope)
    arguments = aggregate_arguments(c, node.expressions, scope)
    scope.aggregated = True
    arguments.values = [c.dialect.aggregate_argument(called, value) for value in arguments.values]
    if not rule.least <= len(arguments.values) <= rule.most:
        refuse(f"{called.upper()} takes {rule.least} argument{'' if rule.least == 1 else 's'} here, not {len(arguments.values)}.")
    c.collects = c.collects or called in COLLECTING
    if called == "array_agg":
        return array_agg(arguments)
    if arguments.limit is not None or arguments.without_nulls:
        refuse(f"{called.upper()} takes no {'LIMIT' if arguments.limit is not None else 'IGNORE NULLS'} here.")
    kind: Kind = arguments.values[0].kind if called in SAME_KIND else rule.kind
    if called == "avg" and c.weight:
        return Sql(weights.average(arguments.text, weights.weight(c, scope)), kind)
    return Sql(f"{rule.name or called}({arguments.text})", kind)


def _any_value_having(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """ANY_VALUE(x HAVING MAX y): the x where y is greatest."""
    refuse_other_parts(node, "this", "expression", "max")
    value, by = c.expression(c, node.this, scope), c.expression(c, node.args["expression"], scope)
    scope.aggregated = c.collects = True
    word = "DESC" if node.args.get("max") else "ASC"
    return Sql(f"((array_agg({value.text} ORDER BY {by.text} {word} NULLS LAST))[1])", value.kind)


def array_agg(arguments: AggregateArguments) -> Sql:
    """ARRAY_AGG with what BigQuery allows inside."""
    text = f"array_agg({arguments.text})"
    if arguments.without_nulls:
        text += f" FILTER (WHERE {arguments.values[0].text} IS NOT NULL)"
    if arguments.limit is not None:
        text = f"({text})[1:{arguments.limit}]"
    return Sql(text if arguments.limit is None else f"({text})", "array", arguments.values[0].fields)


def _count(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    nodes = node.expressions
    if not nodes or (len(nodes) == 1 and type(nodes[0]) is exp.Star):
        if nodes:
            refuse_other_parts(nodes[0])
        scope.aggregated = True
        return Sql("count(*)", "integer")
    arguments = aggregate_arguments(c, nodes, scope)
    scope.aggregated = True
    if arguments.order or arguments.limit is not None or arguments.without_nulls:
        refuse("COUNT takes a value, or DISTINCT values.")
    if len(arguments.values) > 1 and arguments.distinct:
        return Sql(f"count(DISTINCT ({shapes.join_sql(arguments.values)}))", "integer")
    if len(arguments.values) != 1:
        refuse(f"COUNT takes 1 argument, not {len(arguments.values)}.")
    return Sql(f"count({arguments.text})", "integer")


def string_agg(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """STRING_AGG(text, separator ORDER BY … LIMIT n)."""
    refuse_other_parts(node, "this", "separator")
    arguments = aggregate_arguments(c, [node.this], scope)
    scope.aggregated = c.collects = True
    separator = node.args.get("separator")
    between = c.expression(c, separator, scope).text if separator is not None else "','"
    if separator is None and not c.bigquery:
        refuse("STRING_AGG takes a text and a separator.")
    value = f"CAST({arguments.values[0].text} AS text)" if arguments.values[0].kind != "string" else arguments.values[0].text
    distinct, order = "DISTINCT " if arguments.distinct else "", f" {arguments.order}" if arguments.order else ""
    if arguments.limit is None:
        return Sql(f"string_agg({distinct}{value}, {between}{order})", "string")
    inside = f"array_agg({distinct}{value}{order}) FILTER (WHERE {value} IS NOT NULL)"
    return Sql(f"(array_to_string(({inside})[1:{arguments.limit}], {between}))", "string")


def within_group(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY …)."""
    refuse_other_parts(node, "this", "expression")
    function, order = node.this, node.args["expression"]
    called = function.name.lower() if type(function) is exp.Anonymous else ""
    if called not in WITHIN or type(order) is not exp.Order or len(order.expressions) != 1:
        refuse("WITHIN GROUP must follow PERCENTILE_CONT, PERCENTILE_DISC or MODE.")
    values = translate_arguments(c, function, scope, 0 if called == "mode" else 1, 0 if called == "mode" else 1)
    scope.aggregated = True
    key = order.expressions[0]
    if c.weight:
        value = f"CAST({c.expression(c, key.this, scope).text} AS double precision)"
        return Sql(weights.percentile(called, values[0].text, value, weights.weight(c, scope)), "number")
    text = f"{called}({shapes.join_sql(values)}) WITHIN GROUP (ORDER BY {c.expression(c, key.this, scope).text}{windows.direction(key)})"
    return Sql(text, typed("Kind", WITHIN[called]))


def windowed(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """A function that OVER follows: a window function or an aggregate."""
    called = node.name.lower() if type(node) is exp.Anonymous else ""
    if called in WINDOWS:
        refuse_other_parts(node, "this", "expressions")
        return _allowed_call(c, WINDOWS[called], called, node, scope)
    if called not in AGGREGATES and called not in {"count", "countif"} and called not in c.dialect.aggregates:
        refuse(f"{shorten(called.upper() or node.key.upper())} cannot be used with OVER here.")
    value = call(c, node, scope)
    if value.text.startswith("("):
        refuse(f"{called.upper()} with LIMIT or HAVING cannot be used with OVER.")
    return value


def table_function(c: Compiler, node: exp.Expr, scope: Scope) -> TableFunction:
    """A function in FROM. SqlRefused when it is on no list."""
    called = node.name.lower() if type(node) is exp.Anonymous else ""
    refuse_other_parts(node, "this", "expressions")
    if called == "generate_series":
        values = translate_arguments(c, node, scope, 2, 3)
        return TableFunction(f"bq.series({shapes.join_sql(values)})", (Output("generate_series"),), named_by_alias=True)
    if called == "unnest":
        values = translate_arguments(c, node, scope, 1, 1)
        return TableFunction(f"bq.unnest({values[0].text})", (Output("unnest"),), named_by_alias=True)
    plain = called.replace("json_", "jsonb_", 1) if called.startswith("json_") else called
    outputs: dict[str, tuple[Output, ...]] = {
        "jsonb_array_elements": (Output("value", "json"),),
        "jsonb_array_elements_text": (Output("value", "string"),),
        "jsonb_object_keys": (Output("jsonb_object_keys", "string"),),
        "jsonb_each": (Output("key", "string"), Output("value", "json")),
        "jsonb_each_text": (Output("key", "string"), Output("value", "string")),
        "string_to_table": (Output("string_to_table", "string"),),
    }
    if plain not in outputs:
        raise SqlRefused(unknown_function(c, called or node.key), about="denied")
    values = translate_arguments(c, node, scope, 1, 2 if plain == "string_to_table" else 1)
    return TableFunction(
        f"{plain}({shapes.join_sql(values)})", outputs[plain], named_by_alias=plain in {"jsonb_object_keys", "string_to_table"}
    )
