"""BigQuery's functions of dates and times, each as its equal in PostgreSQL."""

from __future__ import annotations

from sqlglot import exp

from cargo_ai.user_sql.dialects import formats
from cargo_ai.user_sql.errors import refuse, shorten
from cargo_ai.user_sql.translate import shapes
from cargo_ai.user_sql.translate.calls import functions
from cargo_ai.user_sql.translate.calls.arguments import argument_nodes, as_timestamp, constant_text, translate_arguments
from cargo_ai.user_sql.translate.compiler import Compiler, Rule, refuse_other_parts
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.shapes import Kind, Sql

_DAYS = {"sunday": 0, "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6}
_CLOCK = frozenset({"microsecond", "millisecond", "second", "minute", "hour"})
_CALENDAR = frozenset({"day", "week", "isoweek", "month", "quarter", "year", "isoyear"})
UNITS = _CLOCK | _CALENDAR
_EXTRACTED = _CLOCK | _CALENDAR | {"dayofweek", "dayofyear", "date", "time"}
_DIFF_DATES = _CALENDAR
_DIFF_EXACT = _CLOCK | {"day"}


def unit(node: exp.Expr | None, known: frozenset[str]) -> str:
    """A unit such as DAY or WEEK(MONDAY), as our functions take it: `day`, `week_1`. Weeks begin on Sunday."""
    said = (
        node.name.lower() if isinstance(node, exp.Column | exp.Var | exp.Literal | exp.Anonymous | exp.WeekStart | exp.Identifier) else ""
    )
    inside = node.expressions[0].name.lower() if isinstance(node, exp.Anonymous) and len(node.expressions) == 1 else None
    if isinstance(node, exp.Anonymous) and (said != "week" or inside not in _DAYS):
        refuse(f"There is no unit {shorten(node.sql())}.")
    said = said.removesuffix("s") if said.removesuffix("s") in known else said
    if said not in known:
        refuse(f"The unit must be one of {', '.join(sorted(known)).upper()}.")
    return f"week_{_DAYS[inside or 'sunday']}" if said == "week" else said


def _add(sign: str, otherwise: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value, step = argument_nodes(node, 2, 2)
        if type(step) is not exp.Interval:
            refuse(f"{node.name.upper()} takes an INTERVAL as its second argument.")
        word = unit(step.args.get("unit"), _CLOCK | {"day", "week", "month", "quarter", "year"})
        word = "week" if word.startswith("week") else word
        amount = step.args["this"]
        count = c.expression(c, amount, scope)
        if count.literal is not None:
            if not count.literal.lstrip("-").isdigit() or len(count.literal) > 12:
                refuse(f"{shorten(count.literal)} is not a number of {word}s.")
            count = Sql(count.literal if count.literal[0] != "-" else f"(- {count.literal[1:]})", "integer")
        moment = as_timestamp(c.expression(c, value, scope), otherwise)
        text = f"bq.date_add({moment.text}, {sign}CAST({count.text} AS bigint), '{word}')"
        return Sql(text, moment.kind)

    return rule


def _truncate(otherwise: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value, word, *zone = argument_nodes(node, 2, 3)
        if (
            type(value) is exp.Literal
            and value.is_string
            and type(word) is not exp.Literal
            and value.name.lower().rstrip("s") in _CLOCK | _CALENDAR
        ):
            # Postgres' order of the arguments.
            return functions.date_trunc(c, node, scope)
        moment = as_timestamp(c.expression(c, value, scope), otherwise)
        step = unit(word, _CLOCK | _CALENDAR)
        if zone:
            place = shapes.quote_text(constant_text(c, zone[0], scope, "The time zone"))
            return Sql(f"(bq.date_trunc(({moment.text} AT TIME ZONE {place}), '{step}') AT TIME ZONE {place})", moment.kind)
        return Sql(f"bq.date_trunc({moment.text}, '{step}')", moment.kind)

    return rule


def _difference(called: str, otherwise: Kind, known: frozenset[str]) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        first, second, word = argument_nodes(node, 3, 3)
        left, right = (as_timestamp(c.expression(c, side, scope), otherwise) for side in (first, second))
        return Sql(f"bq.{called}({left.text}, {right.text}, '{unit(word, known)}')", "integer")

    return rule


def _clickhouse_difference(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """dateDiff('day', a, b): how many boundaries lie between a and b."""
    word, first, second = argument_nodes(node, 3, 3)
    begin, end = (as_timestamp(c.expression(c, side, scope), "timestamp") for side in (first, second))
    step = unit(word, _CLOCK | _CALENDAR).replace("week_0", "isoweek")
    return Sql(f"bq.datetime_diff({end.text}, {begin.text}, '{step}')", "integer")


def _start_of(step: str) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        value = as_timestamp(translate_arguments(c, node, scope, 1, 1)[0], "timestamp")
        return Sql(f"bq.date_trunc({value.text}, '{step}')", value.kind)

    return rule


def extract(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    """EXTRACT(part FROM moment [AT TIME ZONE zone])."""
    refuse_other_parts(node, "this", "expression")
    value = c.expression(c, node.args["expression"], scope)
    part = node.this
    word = unit(part, _EXTRACTED)
    if word == "date":
        return Sql(f"CAST({value.text} AS date)", "date")
    if word == "time":
        return Sql(f"CAST({value.text} AS time)")
    return Sql(f"bq.extract({as_timestamp(value, 'timestamp').text}, '{word}')", "integer")


def _format(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    format, value, *zone = argument_nodes(node, 2, 3)
    template = formats.timestamp_template(constant_text(c, format, scope, "The format"))
    otherwise: Kind = "date" if node.name.lower() == "format_date" else "timestamp"
    moment = as_timestamp(c.expression(c, value, scope), otherwise).text
    if zone:
        moment = f"({moment} AT TIME ZONE {shapes.quote_text(constant_text(c, zone[0], scope, 'The time zone'))})"
    return Sql(f"to_char({moment}, {shapes.quote_text(template)})", "string")


def _parse(cast: str, kind: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        format, value = argument_nodes(node, 2, 2)
        template = formats.timestamp_template(constant_text(c, format, scope, "The format"))
        text = c.expression(c, value, scope).text
        function = "to_date" if kind == "date" else "to_timestamp"
        formatted = f"{function}({text}, {shapes.quote_text(template)})"
        return Sql(f"CAST({formatted} AS {cast})" if kind == "datetime" else formatted, kind)

    return rule


def _date(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, 1, 3)
    if len(arguments) == 3:
        return Sql(f"make_date({', '.join(f'CAST({part.text} AS integer)' for part in arguments)})", "date")
    moment = as_timestamp(arguments[0], "date" if len(arguments) == 1 else "timestamp").text
    return Sql(f"CAST({moment if len(arguments) == 1 else f'({moment} AT TIME ZONE {arguments[1].text})'} AS date)", "date")


def _timestamp(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, 1, 2)
    if len(arguments) == 1:
        return Sql(f"CAST({arguments[0].text} AS timestamptz)", "timestamp")
    return Sql(f"(CAST({arguments[0].text} AS timestamp) AT TIME ZONE {arguments[1].text})", "timestamp")


def _datetime(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    arguments = translate_arguments(c, node, scope, 1, 2)
    if len(arguments) == 1:
        return Sql(f"CAST({arguments[0].text} AS timestamp)", "datetime")
    return Sql(f"({as_timestamp(arguments[0], 'timestamp').text} AT TIME ZONE {arguments[1].text})", "datetime")


def _now(cast: str, kind: Kind) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        arguments = translate_arguments(c, node, scope, 0, 1)
        if kind == "timestamp" or (arguments and arguments[0].kind == "integer"):
            return Sql("CURRENT_TIMESTAMP", "timestamp") if kind == "timestamp" else Sql(f"CAST(CURRENT_TIMESTAMP AS {cast})", kind)
        moment = f"(CURRENT_TIMESTAMP AT TIME ZONE {arguments[0].text if arguments else chr(39) + 'UTC' + chr(39)})"
        return Sql(f"CAST({moment} AS {cast})", kind)

    return rule


def _unix(factor: int) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        moment = as_timestamp(translate_arguments(c, node, scope, 1, 1)[0], "timestamp").text
        return Sql(f"CAST(floor(EXTRACT(EPOCH FROM {moment}) * {factor}) AS bigint)", "integer")

    return rule


def _from_unix(divisor: int) -> Rule:
    def rule(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
        count = translate_arguments(c, node, scope, 1, 1)[0].text
        return Sql(f"to_timestamp(CAST({count} AS double precision) / {divisor})", "timestamp")

    return rule


def _last_day(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    value, *word = argument_nodes(node, 1, 2)
    moment = as_timestamp(c.expression(c, value, scope)).text
    return Sql(f"bq.last_day(CAST({moment} AS date), '{unit(word[0], _CALENDAR) if word else 'month'}')", "date")


def _generate_dates(c: Compiler, node: exp.Expr, scope: Scope) -> Sql:
    first, last, *step = argument_nodes(node, 2, 3)
    exact = node.name.lower() == "generate_timestamp_array"
    begin, end = (as_timestamp(c.expression(c, side, scope), "timestamp" if exact else "date").text for side in (first, last))
    to = "timestamptz" if exact else "date"
    if exact and not step:
        refuse("GENERATE_TIMESTAMP_ARRAY takes an INTERVAL as its third argument.")
    if step and type(step[0]) is not exp.Interval:
        refuse(f"{node.name.upper()} takes an INTERVAL as its third argument.")
    by = c.expression(c, step[0], scope).text if step else "CAST('1 day' AS interval)"
    return Sql(f"bq.generate_moments(CAST({begin} AS {to}), CAST({end} AS {to}), {by})", "array")


FUNCTIONS: dict[str, Rule] = {
    "date_add": _add("", "date"),
    "date_sub": _add("- ", "date"),
    "timestamp_add": _add("", "timestamp"),
    "timestamp_sub": _add("- ", "timestamp"),
    "datetime_add": _add("", "datetime"),
    "datetime_sub": _add("- ", "datetime"),
    "date_trunc": _truncate("date"),
    "timestamp_trunc": _truncate("timestamp"),
    "datetime_trunc": _truncate("datetime"),
    "date_diff": _difference("date_diff", "date", _DIFF_DATES),
    "timestamp_diff": _difference("timestamp_diff", "timestamp", _DIFF_EXACT),
    "datetime_diff": _difference("datetime_diff", "datetime", _CLOCK | _CALENDAR),
    "datediff": _clickhouse_difference,
    "tostartofmonth": _start_of("month"),
    "tostartofday": _start_of("day"),
    "tostartofhour": _start_of("hour"),
    "tostartofweek": _start_of("week_0"),
    "format_date": _format,
    "format_timestamp": _format,
    "format_datetime": _format,
    "parse_date": _parse("date", "date"),
    "parse_timestamp": _parse("timestamptz", "timestamp"),
    "parse_datetime": _parse("timestamp", "datetime"),
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
    "generate_date_array": _generate_dates,
    "generate_timestamp_array": _generate_dates,
}
