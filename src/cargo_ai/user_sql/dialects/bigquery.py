"""BigQuery's functions, each as its equal in PostgreSQL; those without an equal are refused by name."""

from __future__ import annotations

from fractions import Fraction

from sqlglot import exp

from cargo_ai.user_sql.dialects import bigquery_timestamps, formats
from cargo_ai.user_sql.errors import refuse
from cargo_ai.user_sql.translate import shapes
from cargo_ai.user_sql.translate.calls.arguments import argument_nodes, constant_text, translate_arguments
from cargo_ai.user_sql.translate.compiler import Compiler, Dialect, Rule, refuse_other_parts
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Sql
from cargo_ai.user_sql.translate.structs import struct_items

MAX_QUANTILES = 1_000


def _template(text: str, count: int, kind: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        arguments = translate_arguments(c, node, scope, count, count)
        return Sql(text.format(*(argument.text for argument in arguments)), kind)

    return rule


def _if(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    condition, yes, no = translate_arguments(c, node, scope, 3, 3)
    return Sql(f"(CASE WHEN {condition.text} THEN {yes.text} ELSE {no.text} END)", yes.kind if yes.kind == no.kind else "")


def _null_if_any_is(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """GREATEST and LEAST: NULL when any argument is, where Postgres leaves it out."""
    arguments = translate_arguments(c, node, scope, 1, 100)
    missing = " OR ".join(f"{argument.text} IS NULL" for argument in arguments)
    return Sql(f"(CASE WHEN {missing} THEN NULL ELSE {node.name.upper()}({shapes.join_sql(arguments)}) END)", arguments[0].kind)


def _concat(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """CONCAT: NULL when any argument is, where Postgres leaves it out."""
    arguments = translate_arguments(c, node, scope, 1, 100)
    return Sql(f"({' || '.join(f'CAST({argument.text} AS text)' for argument in arguments)})", "string")


def _log(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, 1, 2)
    if len(arguments) == 1:
        return Sql(f"ln({arguments[0].text})", "number")
    return Sql(f"(ln(CAST({arguments[0].text} AS double precision)) / ln(CAST({arguments[1].text} AS double precision)))", "number")


def _substr(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return Sql(f"bq.substr({shapes.join_sql(translate_arguments(c, node, scope, 2, 3))})", "string")


def _split(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, 1, 2)
    return Sql(f"bq.split({arguments[0].text}, {arguments[1].text if len(arguments) == 2 else chr(39) + ',' + chr(39)})", "array")


def _pattern(c: Compiler, node: exp.Expr, scope: Scope, *, greed: bool) -> str:
    return shapes.quote_text(formats.regex_pattern(constant_text(c, node, scope, "The pattern"), greed=greed))


def _regexp_contains(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, regex = argument_nodes(node, 2, 2)
    return Sql(f"({c.expression(c, value, scope).text} ~ {_pattern(c, regex, scope, greed=False)})", "boolean")


def _regexp_extract(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, regex = argument_nodes(node, 2, 2)
    every = node.name.lower().endswith("_all")
    text = f"{c.expression(c, value, scope).text}, {_pattern(c, regex, scope, greed=True)}"
    return Sql(f"bq.regexp_extract_all({text})", "array") if every else Sql(f"((regexp_match({text}))[1])", "string")


def _regexp_replace(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, regex, by = argument_nodes(node, 3, 3)
    put = shapes.quote_text(formats.regex_replacement(constant_text(c, by, scope, "The replacement")))
    return Sql(f"regexp_replace({c.expression(c, value, scope).text}, {_pattern(c, regex, scope, greed=True)}, {put}, 'g')", "string")


def _json(called: str, kind: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value, *path = argument_nodes(node, 1, 2)
        steps = formats.json_path_steps(constant_text(c, path[0], scope, "The JSON path")) if path else []
        listed = f"CAST(ARRAY[{', '.join(map(shapes.quote_text, steps))}] AS text[])"
        return Sql(f"bq.{called}({c.expression(c, value, scope).text}, {listed})", kind)

    return rule


def _struct(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    items = struct_items(c, node, scope)
    pairs = ", ".join(f"{shapes.quote_text(name)}, {value.text}" for name, value in items)
    return Sql(f"jsonb_build_object({pairs})", "struct", {name: value.kind for name, value in items})


def _countif(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    condition = translate_arguments(c, node, scope, 1, 1)[0]
    scope.aggregated = True
    return Sql(f"count(*) FILTER (WHERE {condition.text})", "integer")


def _approximate_count(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value = translate_arguments(c, node, scope, 1, 1)[0]
    scope.aggregated = True
    return Sql(f"count(DISTINCT {value.text})", "integer")


def _quantiles(c: Compiler, node: exp.Expr, scope: Scope) -> tuple[Sql, int]:
    value, number = argument_nodes(node, 2, 2)
    if type(number) is not exp.Literal or not number.name.isdigit() or not 1 <= int(number.name[:6]) <= MAX_QUANTILES:
        refuse(f"APPROX_QUANTILES takes a number of quantiles up to {MAX_QUANTILES:,}.")
    scope.aggregated = True
    return c.expression(c, value, scope), int(number.name)


def _approximate_quantiles(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, count = _quantiles(c, node, scope)
    shares = ", ".join(repr(float(Fraction(at, count))) for at in range(count + 1))
    return Sql(f"percentile_disc(CAST(ARRAY[{shares}] AS double precision[])) WITHIN GROUP (ORDER BY {value.text})", "array")


def quantile(c: Compiler, node: exp.Expr, index: exp.Expr, scope: Scope) -> Sql:
    """APPROX_QUANTILES(x, n)[OFFSET(k)]."""
    value, count = _quantiles(c, node, scope)
    if type(index) is not exp.Literal or not index.name.isdigit() or int(index.name[:6]) > count:
        refuse(f"APPROX_QUANTILES has the offsets 0 to {count} here.")
    return Sql(f"percentile_disc({float(Fraction(int(index.name), count))!r}) WITHIN GROUP (ORDER BY {value.text})", value.kind)


def _generate_array(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, 2, 3)
    to = "bigint" if all(argument.kind == "integer" for argument in arguments) else "numeric"
    return Sql(f"bq.generate_array({', '.join(f'CAST({argument.text} AS {to})' for argument in arguments)})", "array")


def _hex(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """TO_HEX(MD5(x)) and TO_HEX(SHA256(x)): bytes themselves are not there."""
    (inside,) = argument_nodes(node, 1, 1)
    called = inside.name.lower() if type(inside) is exp.Anonymous else ""
    if called not in {"md5", "sha256", "sha512"}:
        refuse("TO_HEX takes MD5(…), SHA256(…) or SHA512(…) here.")
    value = translate_arguments(c, inside, scope, 1, 1)[0].text
    return Sql(f"md5({value})" if called == "md5" else f"encode({called}(convert_to({value}, 'UTF8')), 'hex')", "string")


def _bytes(_c: Compiler, node: exp.Expr, _scope: Scope) -> Sql:
    refuse(f"{node.name.upper()} gives bytes, which are not there: write TO_HEX({node.name.upper()}(…)).")


def _array_length(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return Sql(f"bq.array_length({translate_arguments(c, node, scope, 1, 1)[0].text})", "integer")


def _array_to_string(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, *rest = translate_arguments(c, node, scope, 2, 3)
    array = f"bq.texts({value.text})" if value.kind == "json" else value.text
    return Sql(f"array_to_string({array}, {shapes.join_sql(rest)})", "string")


def _array_concat(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, 1, 20)
    return Sql(
        f"({' || '.join(f'bq.texts({argument.text})' if argument.kind == 'json' else argument.text for argument in arguments)})", "array"
    )


def _percentile(_c: Compiler, node: exp.Expr, _scope: Scope) -> Sql:
    refuse(f"{node.name.upper()}(x, y) OVER () cannot be used here: write APPROX_QUANTILES(x, 100)[OFFSET(n)].")


def _division(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """`/` divides whole numbers into fractions."""
    refuse_other_parts(node, "this", "expression", "typed", "safe")
    left, right = c.expression(c, node.this, scope), c.expression(c, node.args["expression"], scope)
    return Sql(f"(CAST({left.text} AS double precision) / {right.text})", "number")


def _power(_c: Compiler, _node: exp.Expr, _scope: Scope) -> Sql:
    refuse("The operator ^ cannot be used here: write POW(a, b).")


def _byte_string(_c: Compiler, _node: exp.Expr, _scope: Scope) -> Sql:
    refuse("A constant of bytes cannot be used here.")


FUNCTIONS: dict[str, Rule] = {
    **bigquery_timestamps.FUNCTIONS,
    "if": _if,
    "safe_divide": _template("(CAST({0} AS double precision) / NULLIF(CAST({1} AS double precision), 0))", 2, "number"),
    "ieee_divide": _template("bq.ieee_divide({0}, {1})", 2, "number"),
    "greatest": _null_if_any_is,
    "least": _null_if_any_is,
    "concat": _concat,
    "log": _log,
    "substr": _substr,
    "split": _split,
    "contains_substr": _template("(position(lower({1}) in lower(CAST({0} AS text))) > 0)", 2, "boolean"),
    "regexp_contains": _regexp_contains,
    "regexp_extract": _regexp_extract,
    "regexp_extract_all": _regexp_extract,
    "regexp_replace": _regexp_replace,
    "json_value": _json("json_text", "string"),
    "json_extract_scalar": _json("json_text", "string"),
    "json_query": _json("json_query", "json"),
    "json_extract": _json("json_query", "json"),
    "json_value_array": _json("json_texts", "array"),
    "json_extract_string_array": _json("json_texts", "array"),
    "json_query_array": _json("json_items", "array"),
    "json_extract_array": _json("json_items", "array"),
    "parse_json": _template("CAST({0} AS jsonb)", 1, "json"),
    "to_json_string": _template("bq.to_json_string(to_jsonb({0}))", 1, "string"),
    "struct": _struct,
    "countif": _countif,
    "approx_count_distinct": _approximate_count,
    "approx_quantiles": _approximate_quantiles,
    "generate_array": _generate_array,
    "to_hex": _hex,
    "md5": _bytes,
    "sha256": _bytes,
    "sha512": _bytes,
    "array_length": _array_length,
    "array_to_string": _array_to_string,
    "array_concat": _array_concat,
    "percentile_cont": _percentile,
    "percentile_disc": _percentile,
}
_OTHER_IN_POSTGRES = frozenset(
    {"date_trunc", "greatest", "least", "concat", "log", "substr", "regexp_replace", "md5", "sha256", "sha512", "array_length"}
    | {"array_to_string", "percentile_cont", "percentile_disc"}
)
"""Names that Postgres has too, with another meaning: in its spelling they keep that."""
COMMON_FUNCTIONS: dict[str, Rule] = {name: rule for name, rule in FUNCTIONS.items() if name not in _OTHER_IN_POSTGRES}
"""Those that mean the same in every spelling."""

BIGQUERY = Dialect(
    "bigquery",
    FUNCTIONS,
    nodes={exp.Div: _division, exp.Pow: _power, exp.ByteString: _byte_string, exp.Extract: bigquery_timestamps.extract},
    indexed={"approx_quantiles": quantile},
)
