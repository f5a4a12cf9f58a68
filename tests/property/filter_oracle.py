"""The oracle of filters: what each condition means, in plain Python over lists of dicts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

Record = dict[str, Any]
TYPES = {"s": "string", "n": "number", "b": "boolean", "d": "date", "o": "object", "a": "array", "x": "any", "_id": "string"}
NUMERIC = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*\Z")
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def matches(filter: Record, record: Record, facts: Record) -> bool:
    """Whether the record passes. `facts`: now, related (rows), segments."""
    if filter.get("conjonction") is None:
        return False
    groups = [group for group in filter["groups"] if group["conditions"]]
    return _join(filter["conjonction"], [lambda group=group: _group(group, record, facts) for group in groups])


def _join(conjonction: str, parts: list[Callable[[], bool]]) -> bool:
    if not parts:
        return True
    results = [part() for part in parts]
    return all(results) if conjonction == "and" else any(results)


def _group(group: Record, record: Record, facts: Record) -> bool:
    if group.get("conjonction") is None:
        return False
    return _join(group["conjonction"], [lambda one=one: condition(one, record, facts) for one in group["conditions"]])


def condition(one: Record, record: Record, facts: Record) -> bool:
    kind = one["kind"]
    if kind == "segment":
        saved = facts["segments"][one["segmentUuid"]]
        inside = matches(saved, record, facts)
        return inside if one["operator"] == "in" else not inside
    if kind == "occurrence":
        return _occurrence(one, record, facts)
    if one.get("relatedModelUuid"):
        plain = {key: value for key, value in one.items() if key != "relatedModelUuid"}
        return any(_plain(plain, row, facts) for row in facts["related"] if row["parent"] == record["_id"])
    return _plain(one, record, facts)


def _occurrence(one: Record, record: Record, facts: Record) -> bool:
    rows = [row for row in facts["related"] if row["parent"] == record["_id"]]
    if one["conditions"]:
        if one.get("conjonction") is None:
            return False
        rows = [row for row in rows if _join(one["conjonction"], [lambda c=c, row=row: _plain(c, row, facts) for c in one["conditions"]])]
    period = one.get("period")
    if period and not (period["operator"] == "moreThan" and period["value"] == 0):
        edge = facts["now"] - timedelta(days=period["value"])
        rows = [row for row in rows if row["d"] is not None and _in_period(period["operator"], row["d"], edge)]
    frequency, count = one["frequency"], len(rows)
    if frequency["operator"] == "not":
        return count == 0
    return {"moreThan": count > frequency["value"], "lessThan": count < frequency["value"], "exactly": count == frequency["value"]}[
        frequency["operator"]
    ]


def _in_period(operator: str, at: datetime, edge: datetime) -> bool:
    if operator == "lessThan":
        return at > edge
    if operator == "moreThan":
        return at < edge
    return edge - timedelta(days=1) < at <= edge


def _plain(one: Record, record: Record, facts: Record) -> bool:
    kind, operator = one["kind"], one["operator"]
    value, type = record[one["columnSlug"]], TYPES[one["columnSlug"]]
    if operator in {"isNull", "isNotNull", "isEmpty", "isNotEmpty"} and kind != "objectProperty":
        return _presence(operator, type, value)
    fits = {"objectProperty": {"object", "any"}}.get(kind, {kind})
    if type not in fits:
        return False
    if kind == "string":
        return _text(operator, one["values"], value)
    if kind == "number":
        return _number(one, value)
    if kind == "boolean":
        return value is (operator == "isTrue")
    if kind == "date":
        return _date(one, value, facts["now"])
    if kind == "objectProperty":
        return _property(one, value)
    wanted = one["propertyConditions"]
    if one.get("conjonction") is None:
        return False
    if kind == "object":
        return value is not None and _join(one["conjonction"], [lambda c=c: _property(c, value) for c in wanted])
    elements = cast("list[Any]", value) if isinstance(value, list) else []

    def matches(element: Any) -> bool:
        return _join(one["conjonction"], [lambda c=c: _property(c, element) for c in wanted])

    return any(matches(element) for element in elements)


def _presence(operator: str, type: str, value: Any) -> bool:
    empty = value is None
    if operator in {"isEmpty", "isNotEmpty"}:
        empty = empty or (type == "string" and value == "") or (type == "array" and value == []) or (type == "object" and value == {})
    return empty if operator in {"isNull", "isEmpty"} else not empty


def _text(operator: str, values: list[str], value: str | None) -> bool:
    negative = operator in {"isNot", "doesNotContain"}
    if value is None:
        return negative
    lowered = value.lower()
    tests: dict[str, Callable[[str], bool]] = {
        "is": lambda v: value == v,
        "isNot": lambda v: value == v,
        "contains": lambda v: v.lower() in lowered,
        "doesNotContain": lambda v: v.lower() in lowered,
        "startsWith": lambda v: lowered.startswith(v.lower()),
        "endsWith": lambda v: lowered.endswith(v.lower()),
    }
    found = any(tests[operator](v) for v in values)
    return not found if negative else found


def _number(one: Record, value: float | None) -> bool:
    operator = one["operator"]
    if value is None:
        return operator == "isNot"
    if operator == "between":
        return one["firstValue"] <= value <= one["lastValue"]
    given = one["value"]
    return {"is": value == given, "isNot": value != given, "greaterThan": value > given, "lowerThan": value < given}[operator]


def span(text: str, now: datetime) -> tuple[datetime, datetime, bool]:
    found = re.match(r"(\d+) (\w+?)s?\Z", text)
    if found:
        start = now - timedelta(seconds=int(found[1]) * UNITS[found[2]])
        return start, start + timedelta(microseconds=1), True
    if re.match(r"\d{4}-\d{2}-\d{2}\Z", text):
        start = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return start, start + timedelta(days=1), False
    start = datetime.fromisoformat(text)
    return start, start + timedelta(microseconds=1), False


def _date(one: Record, value: datetime | None, now: datetime) -> bool:
    operator = one["operator"]
    if value is None:
        return operator == "isNot"
    if operator == "between":
        ends = [span(one["firstValue"], now), span(one["lastValue"], now)]
        return min(e[0] for e in ends) <= value < max(e[1] for e in ends)
    start, end, relative = span(one["value"], now)
    if operator == "greaterThan":
        return value >= end
    if operator == "lowerThan":
        return value < start
    if relative:
        start = start.replace(hour=0, minute=0, second=0, microsecond=0)
        end = start + timedelta(days=1)
    same = start <= value < end
    return same if operator == "is" else not same


def _json_text(value: Any) -> str | None:
    import json

    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value)


def _field(value: Any, name: str) -> Any:
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return fields.get(name)


def _property(one: Record, value: Any) -> bool:
    name, operator = one["propertyName"], one["operator"]
    found = _field(value, name)
    if found is None and "." in name:
        found = value
        for part in name.split("."):
            found = _field(found, part)
    text = _json_text(found)
    if operator in {"isNull", "isNotNull", "isEmpty", "isNotEmpty"}:
        return _presence(operator, "string", text)
    if operator in {"greaterThan", "lowerThan"}:
        return _ordered(operator, text, one["value"])
    if operator == "between":
        return _ordered("from", text, one["value"]) and _ordered("to", text, one["otherValue"])
    return _text(operator, [one["value"]], text)


def _ordered(operator: str, text: str | None, given: str) -> bool:
    if text is None:
        return False
    left: Any = text
    right: Any = given
    if NUMERIC.match(given):
        if not NUMERIC.match(text):
            return False
        left, right = float(text), float(given)
    return {"greaterThan": left > right, "lowerThan": left < right, "from": left >= right, "to": left <= right}[operator]
