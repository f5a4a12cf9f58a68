"""Times of counted rows: what gives the same for all moments of an hour or a minute, and what depends on how long something took."""

from __future__ import annotations

from typing import Literal, cast

from sqlglot import exp

from cargo_ai.records.catalog import CountedRows

Step = Literal["", "hour", "minute", "second"]
"""What has to be known of when a row began: nothing, its hour, its minute, or its place within a second."""
_CALENDAR = ("hour", "day", "week", "month", "quarter", "year")
_NUMBERED = ("dow", "isodow", "doy", "isoyear")
_ROUNDED = ("tomonday", "todate", "toyear", "toquarter", "tomonth", "todayofmonth", "todayofweek", "tohour")
_MINUTES = ("tominute", *(f"tostartof{word}" for word in ("minute", "fiveminutes", "tenminutes", "fifteenminutes")))
_UNITS: dict[str, Step] = {**dict.fromkeys(_CALENDAR, cast("Step", "hour")), "minute": "minute"}
_PARTS: dict[str, Step] = {**dict.fromkeys(_NUMBERED, cast("Step", "hour")), **_UNITS}
_STARTS: dict[str, Step] = {
    **dict.fromkeys((*_ROUNDED, *(f"tostartof{word}" for word in _CALENDAR)), cast("Step", "hour")),
    **dict.fromkeys(_MINUTES, cast("Step", "minute")),
}
_INTERVALS: dict[str, Step] = {"minute": "minute", "hour": "hour", "day": "hour"}
_NUMBERS = {exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg}
_SCALARS = {"round", "floor", "ceil", "abs", "tofloat64", "toint64", "toint32", "intdiv"}


def start(node: exp.Expr, of: CountedRows) -> Step:
    """What an expression needs to know that is about when (in UTC) a row began, and nothing else; empty where it is not such a one."""
    if type(node) is exp.Cast:
        return "hour" if _is(node.this, of.began) and node.args["to"].this == exp.DataType.Type.DATE else ""
    if type(node) is exp.Extract:
        return _PARTS.get(node.this.name.lower(), "") if _is(node.args["expression"], of.began) else ""
    if type(node) is not exp.Anonymous:
        return ""
    called, given = node.name.lower(), list(node.expressions)
    if len(given) == 1:
        return _STARTS.get(called, "") if _is(given[0], of.began) else ""
    if len(given) != 2:
        return ""
    if called == "tostartofinterval":
        unit = given[1].args.get("unit")
        is_step = _is(given[0], of.began) and type(unit) is exp.Var
        return _INTERVALS.get(unit.name.lower().removesuffix("s"), "") if is_step else ""
    moment, unit = (given[1], given[0]) if type(given[0]) is exp.Literal else given
    return _UNITS.get(unit.name.lower(), "") if called in {"date_trunc", "timestamp_trunc"} and _is(moment, of.began) else ""


def duration(node: exp.Expr, of: CountedRows, *, clickhouse: bool) -> Step | None:
    """What a number that depends on how long a row took needs to know of when it began; None where it is not such a number."""
    if type(node) is exp.Sub and clickhouse and _is(node.this, of.ended) and _is(node.args["expression"], of.began):
        return ""
    if type(node) in _NUMBERS:
        return _calculated([node.args[key] for key in ("this", "expression") if node.args.get(key) is not None], of, clickhouse)
    if type(node) is not exp.Anonymous:
        return None
    called, given = node.name.lower(), list(node.expressions)
    if called in _SCALARS:
        return _calculated(given, of, clickhouse)
    if len(given) != 3:
        return None
    if called == "timestamp_diff":
        return "" if _is(given[0], of.ended) and _is(given[1], of.began) else None
    if not clickhouse or called not in {"datediff", "date_diff"} or type(given[0]) is not exp.Literal:
        return None
    if not (_is(given[1], of.began) and _is(given[2], of.ended)):
        return None
    # Seconds are counted from one to the next, so that it matters when in a second a row began.
    unit = given[0].name.lower().removesuffix("s")
    return "" if unit == "millisecond" else "second" if unit == "second" else None


def _calculated(parts: list[exp.Expr], of: CountedRows, clickhouse: bool) -> Step | None:
    needs = [duration(part, of, clickhouse=clickhouse) for part in parts if not is_number(part)]
    if not needs or None in needs:
        return None
    return "second" if "second" in needs else ""


def is_number(node: exp.Expr) -> bool:
    """Whether it is a number as it was written."""
    return type(node) is exp.Literal and not node.is_string


def _is(node: exp.Expr, column: str) -> bool:
    return type(node) is exp.Column and node.name == column
