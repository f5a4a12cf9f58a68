"""BigQuery: its functions, each as what means the same in the database; what cannot be the same is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from sqlglot import exp

from cargo_ai.warehouse.sql import formats, shapes
from cargo_ai.warehouse.sql.compiler import Compiler, only
from cargo_ai.warehouse.sql.names import Scope
from cargo_ai.warehouse.sql.refused import refuse, shown
from cargo_ai.warehouse.sql.shapes import Kind, Sql

Rule = Callable[[Compiler, exp.Expr, Scope], Sql]

_DAYS = {"sunday": 0, "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6}
_CLOCK = frozenset({"microsecond", "millisecond", "second", "minute", "hour"})
_CALENDAR = frozenset({"day", "week", "isoweek", "month", "quarter", "year", "isoyear"})
_EXTRACTED = _CLOCK | _CALENDAR | {"dayofweek", "dayofyear", "date", "time"}
_MICROSECONDS = {
    "microsecond": 1,
    "millisecond": 1000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
}
MOST_QUANTILES = 1_000


def _given(c: Compiler, node: exp.Expr, scope: Scope, least: int, most: int) -> list[Sql]:
    given = len(node.expressions)
    if not least <= given <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        refuse(f"{node.name.upper()} takes {wanted} argument{'' if wanted == '1' else 's'} here, not {given}.")
    return [c.expression(c, one, scope) for one in node.expressions]


def _counted(node: exp.Expr, least: int, most: int) -> list[exp.Expr]:
    given = list(node.expressions)
    if not least <= len(given) <= most:
        refuse(f"{node.name.upper()} takes {least} to {most} arguments here, not {len(given)}.")
    return given


def _constant(c: Compiler, node: exp.Expr, scope: Scope, what: str) -> str:
    value = c.expression(c, node, scope)
    if value.literal is None:
        refuse(f"{what} must be a constant text.")
    return value.literal


def _moment(value: Sql, otherwise: Kind = "date") -> Sql:
    """A text constant where a moment is wanted is one."""
    if value.literal is None:
        return value
    to = {"date": "date", "timestamp": "timestamptz", "datetime": "timestamp"}[otherwise]
    return Sql(f"CAST({value.text} AS {to})", otherwise)


def unit(node: exp.Expr | None, known: frozenset[str]) -> str:
    """A unit such as DAY or WEEK(MONDAY), as our functions take it: `day`, `week_1`. Weeks begin on Sunday."""
    said = (
        node.name.lower() if isinstance(node, exp.Column | exp.Var | exp.Literal | exp.Anonymous | exp.WeekStart | exp.Identifier) else ""
    )
    inside = node.expressions[0].name.lower() if isinstance(node, exp.Anonymous) and len(node.expressions) == 1 else None
    if isinstance(node, exp.Anonymous) and (said != "week" or inside not in _DAYS):
        refuse(f"There is no unit {shown(node.sql())}.")
    said = said.removesuffix("s") if said.removesuffix("s") in known else said
    if said not in known:
        refuse(f"The unit must be one of {', '.join(sorted(known)).upper()}.")
    return f"week_{_DAYS[inside or 'sunday']}" if said == "week" else said


def _add(sign: str, otherwise: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value, step = _counted(node, 2, 2)
        if type(step) is not exp.Interval:
            refuse(f"{node.name.upper()} takes an INTERVAL as its second argument.")
        word = unit(step.args.get("unit"), _CLOCK | {"day", "week", "month", "quarter", "year"})
        word = "week" if word.startswith("week") else word
        amount = step.args["this"]
        count = c.expression(c, amount, scope)
        if count.literal is not None:
            if not count.literal.lstrip("-").isdigit() or len(count.literal) > 12:
                refuse(f"{shown(count.literal)} is no number of {word}s.")
            count = Sql(count.literal if count.literal[0] != "-" else f"(- {count.literal[1:]})", "integer")
        moment = _moment(c.expression(c, value, scope), otherwise)
        text = f"bq.date_add({moment.text}, {sign}CAST({count.text} AS bigint), '{word}')"
        return Sql(text, moment.kind)

    return rule


def _truncated(otherwise: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value, word, *zone = _counted(node, 2, 3)
        if (
            type(value) is exp.Literal
            and value.is_string
            and type(word) is not exp.Literal
            and value.name.lower().rstrip("s") in _CLOCK | _CALENDAR
        ):
            # Postgres' order of the arguments.
            from cargo_ai.warehouse.sql import functions

            return functions.date_trunc(c, node, scope)
        moment = _moment(c.expression(c, value, scope), otherwise)
        step = unit(word, _CLOCK | _CALENDAR)
        if zone:
            place = shapes.text(_constant(c, zone[0], scope, "The time zone"))
            return Sql(f"(bq.date_trunc(({moment.text} AT TIME ZONE {place}), '{step}') AT TIME ZONE {place})", moment.kind)
        return Sql(f"bq.date_trunc({moment.text}, '{step}')", moment.kind)

    return rule


def _difference(called: str, otherwise: Kind, known: frozenset[str]) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        first, second, word = _counted(node, 3, 3)
        one, other = (_moment(c.expression(c, side, scope), otherwise) for side in (first, second))
        return Sql(f"bq.{called}({one.text}, {other.text}, '{unit(word, known)}')", "integer")

    return rule


def _clickhouse_difference(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """dateDiff('day', a, b): how many boundaries lie between a and b."""
    word, first, second = _counted(node, 3, 3)
    one, other = (_moment(c.expression(c, side, scope), "timestamp") for side in (first, second))
    step = unit(word, _CLOCK | _CALENDAR).replace("week_0", "isoweek")
    return Sql(f"bq.datetime_diff({other.text}, {one.text}, '{step}')", "integer")


def _start_of(step: str) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value = _moment(_given(c, node, scope, 1, 1)[0], "timestamp")
        return Sql(f"bq.date_trunc({value.text}, '{step}')", value.kind)

    return rule


def extract(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """EXTRACT(part FROM moment [AT TIME ZONE zone])."""
    value = c.expression(c, node.args["expression"], scope)
    part = node.this
    word = unit(part, _EXTRACTED)
    if word == "date":
        return Sql(f"CAST({value.text} AS date)", "date")
    if word == "time":
        return Sql(f"CAST({value.text} AS time)")
    return Sql(f"bq.extract({_moment(value, 'timestamp').text}, '{word}')", "integer")


def _formatted(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    format, value, *zone = _counted(node, 2, 3)
    template = formats.moment(_constant(c, format, scope, "The format"))
    otherwise: Kind = "date" if node.name.lower() == "format_date" else "timestamp"
    moment = _moment(c.expression(c, value, scope), otherwise).text
    if zone:
        moment = f"({moment} AT TIME ZONE {shapes.text(_constant(c, zone[0], scope, 'The time zone'))})"
    return Sql(f"to_char({moment}, {shapes.text(template)})", "string")


def _parsed(cast: str, kind: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        format, value = _counted(node, 2, 2)
        template = formats.moment(_constant(c, format, scope, "The format"))
        text = c.expression(c, value, scope).text
        function = "to_date" if kind == "date" else "to_timestamp"
        made = f"{function}({text}, {shapes.text(template)})"
        return Sql(f"CAST({made} AS {cast})" if kind == "datetime" else made, kind)

    return rule


def _date(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    given = _given(c, node, scope, 1, 3)
    if len(given) == 3:
        return Sql(f"make_date({', '.join(f'CAST({one.text} AS integer)' for one in given)})", "date")
    moment = _moment(given[0], "date" if len(given) == 1 else "timestamp").text
    return Sql(f"CAST({moment if len(given) == 1 else f'({moment} AT TIME ZONE {given[1].text})'} AS date)", "date")


def _timestamp(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    given = _given(c, node, scope, 1, 2)
    if len(given) == 1:
        return Sql(f"CAST({given[0].text} AS timestamptz)", "timestamp")
    return Sql(f"(CAST({given[0].text} AS timestamp) AT TIME ZONE {given[1].text})", "timestamp")


def _datetime(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    given = _given(c, node, scope, 1, 2)
    if len(given) == 1:
        return Sql(f"CAST({given[0].text} AS timestamp)", "datetime")
    return Sql(f"({_moment(given[0], 'timestamp').text} AT TIME ZONE {given[1].text})", "datetime")


def _now(cast: str, kind: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        given = _given(c, node, scope, 0, 1)
        if kind == "timestamp" or (given and given[0].kind == "integer"):
            return Sql("CURRENT_TIMESTAMP", "timestamp") if kind == "timestamp" else Sql(f"CAST(CURRENT_TIMESTAMP AS {cast})", kind)
        moment = f"(CURRENT_TIMESTAMP AT TIME ZONE {given[0].text if given else chr(39) + 'UTC' + chr(39)})"
        return Sql(f"CAST({moment} AS {cast})", kind)

    return rule


def _unix(factor: int) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        moment = _moment(_given(c, node, scope, 1, 1)[0], "timestamp").text
        return Sql(f"CAST(floor(EXTRACT(EPOCH FROM {moment}) * {factor}) AS bigint)", "integer")

    return rule


def _from_unix(divisor: int) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        count = _given(c, node, scope, 1, 1)[0].text
        return Sql(f"to_timestamp(CAST({count} AS double precision) / {divisor})", "timestamp")

    return rule


def _last_day(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, *word = _counted(node, 1, 2)
    moment = _moment(c.expression(c, value, scope)).text
    return Sql(f"bq.last_day(CAST({moment} AS date), '{unit(word[0], _CALENDAR) if word else 'month'}')", "date")


def _template(text: str, count: int, kind: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        given = _given(c, node, scope, count, count)
        return Sql(text.format(*(one.text for one in given)), kind)

    return rule


def _if(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    condition, yes, no = _given(c, node, scope, 3, 3)
    return Sql(f"(CASE WHEN {condition.text} THEN {yes.text} ELSE {no.text} END)", yes.kind if yes.kind == no.kind else "")


def _strict(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """GREATEST and LEAST: NULL when any argument is, where Postgres leaves it out."""
    given = _given(c, node, scope, 1, 100)
    missing = " OR ".join(f"{one.text} IS NULL" for one in given)
    return Sql(f"(CASE WHEN {missing} THEN NULL ELSE {node.name.upper()}({shapes.listed(given)}) END)", given[0].kind)


def _concat(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """CONCAT: NULL when any argument is, where Postgres leaves it out."""
    given = _given(c, node, scope, 1, 100)
    return Sql(f"({' || '.join(f'CAST({one.text} AS text)' for one in given)})", "string")


def _log(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    given = _given(c, node, scope, 1, 2)
    if len(given) == 1:
        return Sql(f"ln({given[0].text})", "number")
    return Sql(f"(ln(CAST({given[0].text} AS double precision)) / ln(CAST({given[1].text} AS double precision)))", "number")


def _substr(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return Sql(f"bq.substr({shapes.listed(_given(c, node, scope, 2, 3))})", "string")


def _split(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    given = _given(c, node, scope, 1, 2)
    return Sql(f"bq.split({given[0].text}, {given[1].text if len(given) == 2 else chr(39) + ',' + chr(39)})", "array")


def _pattern(c: Compiler, node: exp.Expr, scope: Scope, *, greed: bool) -> str:
    return shapes.text(formats.pattern(_constant(c, node, scope, "The pattern"), greed=greed))


def _regexp_contains(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, regex = _counted(node, 2, 2)
    return Sql(f"({c.expression(c, value, scope).text} ~ {_pattern(c, regex, scope, greed=False)})", "boolean")


def _regexp_extract(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, regex = _counted(node, 2, 2)
    every = node.name.lower().endswith("_all")
    text = f"{c.expression(c, value, scope).text}, {_pattern(c, regex, scope, greed=True)}"
    return Sql(f"bq.regexp_extract_all({text})", "array") if every else Sql(f"((regexp_match({text}))[1])", "string")


def _regexp_replace(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, regex, by = _counted(node, 3, 3)
    put = shapes.text(formats.replacement(_constant(c, by, scope, "The replacement")))
    return Sql(f"regexp_replace({c.expression(c, value, scope).text}, {_pattern(c, regex, scope, greed=True)}, {put}, 'g')", "string")


def _json(called: str, kind: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value, *path = _counted(node, 1, 2)
        steps = formats.json_path(_constant(c, path[0], scope, "The JSON path")) if path else []
        listed = f"CAST(ARRAY[{', '.join(map(shapes.text, steps))}] AS text[])"
        return Sql(f"bq.{called}({c.expression(c, value, scope).text}, {listed})", kind)

    return rule


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


def _struct(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    items = struct_items(c, node, scope)
    pairs = ", ".join(f"{shapes.text(name)}, {value.text}" for name, value in items)
    return Sql(f"jsonb_build_object({pairs})", "struct", {name: value.kind for name, value in items})


def _countif(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    condition = _given(c, node, scope, 1, 1)[0]
    scope.aggregated = True
    return Sql(f"count(*) FILTER (WHERE {condition.text})", "integer")


def _approximate_count(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value = _given(c, node, scope, 1, 1)[0]
    scope.aggregated = True
    return Sql(f"count(DISTINCT {value.text})", "integer")


def any_value(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """ANY_VALUE(x HAVING MAX y): the x where y is greatest."""
    only(node, "this", "expression", "max")
    value, by = c.expression(c, node.this, scope), c.expression(c, node.args["expression"], scope)
    scope.aggregated = c.collects = True
    word = "DESC" if node.args.get("max") else "ASC"
    return Sql(f"((array_agg({value.text} ORDER BY {by.text} {word} NULLS LAST))[1])", value.kind)


def _quantiles(c: Compiler, node: exp.Expr, scope: Scope) -> tuple[Sql, int]:
    value, number = _counted(node, 2, 2)
    if type(number) is not exp.Literal or not number.name.isdigit() or not 1 <= int(number.name[:6]) <= MOST_QUANTILES:
        refuse(f"APPROX_QUANTILES takes a number of quantiles up to {MOST_QUANTILES:,}.")
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
    given = _given(c, node, scope, 2, 3)
    to = "bigint" if all(one.kind == "integer" for one in given) else "numeric"
    return Sql(f"bq.generate_array({', '.join(f'CAST({one.text} AS {to})' for one in given)})", "array")


def _generate_dates(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    first, last, *step = _counted(node, 2, 3)
    exact = node.name.lower() == "generate_timestamp_array"
    one, other = (_moment(c.expression(c, side, scope), "timestamp" if exact else "date").text for side in (first, last))
    to = "timestamptz" if exact else "date"
    if exact and not step:
        refuse("GENERATE_TIMESTAMP_ARRAY takes an INTERVAL as its third argument.")
    if step and type(step[0]) is not exp.Interval:
        refuse(f"{node.name.upper()} takes an INTERVAL as its third argument.")
    by = c.expression(c, step[0], scope).text if step else "CAST('1 day' AS interval)"
    return Sql(f"bq.generate_moments(CAST({one} AS {to}), CAST({other} AS {to}), {by})", "array")


def _hex(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """TO_HEX(MD5(x)) and TO_HEX(SHA256(x)): bytes themselves are not there."""
    (inside,) = _counted(node, 1, 1)
    called = inside.name.lower() if type(inside) is exp.Anonymous else ""
    if called not in {"md5", "sha256", "sha512"}:
        refuse("TO_HEX takes MD5(…), SHA256(…) or SHA512(…) here.")
    value = _given(c, inside, scope, 1, 1)[0].text
    return Sql(f"md5({value})" if called == "md5" else f"encode({called}(convert_to({value}, 'UTF8')), 'hex')", "string")


def _bytes(_c: Compiler, node: exp.Expr, _scope: Scope) -> Sql:
    refuse(f"{node.name.upper()} gives bytes, which are not there: write TO_HEX({node.name.upper()}(…)).")


def _array_length(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    return Sql(f"bq.array_length({_given(c, node, scope, 1, 1)[0].text})", "integer")


def _array_to_string(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, *rest = _given(c, node, scope, 2, 3)
    array = f"bq.texts({value.text})" if value.kind == "json" else value.text
    return Sql(f"array_to_string({array}, {shapes.listed(rest)})", "string")


def _array_concat(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    given = _given(c, node, scope, 1, 20)
    return Sql(f"({' || '.join(f'bq.texts({one.text})' if one.kind == 'json' else one.text for one in given)})", "array")


def _percentile(_c: Compiler, node: exp.Expr, _scope: Scope) -> Sql:
    refuse(f"{node.name.upper()}(x, y) OVER () cannot be used here: write APPROX_QUANTILES(x, 100)[OFFSET(n)].")


_DIFF_DATES = _CALENDAR
_DIFF_EXACT = _CLOCK | {"day"}

RULES: dict[str, Rule] = {
    "date_add": _add("", "date"),
    "date_sub": _add("- ", "date"),
    "timestamp_add": _add("", "timestamp"),
    "timestamp_sub": _add("- ", "timestamp"),
    "datetime_add": _add("", "datetime"),
    "datetime_sub": _add("- ", "datetime"),
    "date_trunc": _truncated("date"),
    "timestamp_trunc": _truncated("timestamp"),
    "datetime_trunc": _truncated("datetime"),
    "date_diff": _difference("date_diff", "date", _DIFF_DATES),
    "timestamp_diff": _difference("timestamp_diff", "timestamp", _DIFF_EXACT),
    "datetime_diff": _difference("datetime_diff", "datetime", _CLOCK | _CALENDAR),
    "datediff": _clickhouse_difference,
    "tostartofmonth": _start_of("month"),
    "tostartofday": _start_of("day"),
    "tostartofhour": _start_of("hour"),
    "tostartofweek": _start_of("week_0"),
    "format_date": _formatted,
    "format_timestamp": _formatted,
    "format_datetime": _formatted,
    "parse_date": _parsed("date", "date"),
    "parse_timestamp": _parsed("timestamptz", "timestamp"),
    "parse_datetime": _parsed("timestamp", "datetime"),
    "date": _date,
    "timestamp": _timestamp,
    "datetime": _datetime,
    "current_date": _now("date", "date"),
    "current_timestamp": _now("timestamptz", "timestamp"),
    "current_datetime": _now("timestamp", "datetime"),
    "unix_seconds": _unix(1),
    "unix_millis": _unix(1_000),
    "unix_micros": _unix(1_000_000),
    "timestamp_seconds": _from_unix(1),
    "timestamp_millis": _from_unix(1_000),
    "timestamp_micros": _from_unix(1_000_000),
    "last_day": _last_day,
    "if": _if,
    "safe_divide": _template("(CAST({0} AS double precision) / NULLIF(CAST({1} AS double precision), 0))", 2, "number"),
    "ieee_divide": _template("bq.ieee_divide({0}, {1})", 2, "number"),
    "greatest": _strict,
    "least": _strict,
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
    "generate_date_array": _generate_dates,
    "generate_timestamp_array": _generate_dates,
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
ONLY_BIGQUERY = frozenset(
    {"date_trunc", "greatest", "least", "concat", "log", "substr", "regexp_replace", "md5", "sha256", "sha512", "array_length"}
    | {"array_to_string", "percentile_cont", "percentile_disc"}
)
"""Names that Postgres has too, with another meaning: in its spelling they keep that."""
