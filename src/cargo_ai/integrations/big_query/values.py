"""Values between JSON and BigQuery: typed parameters of a statement, and the cells of a result."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from cargo_ai.integrations.kit import InvalidConfig

Json = Any
Field = Mapping[str, Json]
EXACT = 2**53
_INT64 = 2**63
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_SCALARS = {
    "STRING",
    "INT64",
    "FLOAT64",
    "NUMERIC",
    "BIGNUMERIC",
    "BOOL",
    "TIMESTAMP",
    "DATE",
    "TIME",
    "DATETIME",
    "BYTES",
    "JSON",
    "GEOGRAPHY",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def type_of(field: Field) -> str:
    """The type of a column, as SQL calls it."""
    return _STANDARD.get(str(field["type"]), str(field["type"]))


def parameter(name: str, value: Json) -> Json:
    """A named parameter whose type follows from its value, or stands beside it: `{type, value}`. InvalidConfig where it has none."""
    if isinstance(value, dict) and set(cast("dict[str, Json]", value)) == {"type", "value"}:
        given = cast("dict[str, Json]", value)
        kind = str(given["type"]).upper()
        if kind not in _SCALARS:
            raise InvalidConfig(f"`parameters.{name}.type` must be one of {', '.join(sorted(_SCALARS))}.")
        return {
            "name": name,
            "parameterType": {"type": kind},
            "parameterValue": {"value": _scalar(kind, given["value"], f"parameters.{name}")},
        }
    if isinstance(value, list):
        items = cast("list[Json]", value)
        kinds = {_kind(item, name) for item in items if item is not None} or {"STRING"}
        if kinds == {"INT64", "FLOAT64"}:
            kinds = {"FLOAT64"}
        if len(kinds) != 1 or None in items:
            raise InvalidConfig(f"`parameters.{name}` must be a list of values of one type, without null.")
        (kind,) = kinds
        values = [{"value": _scalar(kind, item, f"parameters.{name}")} for item in items]
        return {"name": name, "parameterType": {"type": "ARRAY", "arrayType": {"type": kind}}, "parameterValue": {"arrayValues": values}}
    kind = "STRING" if value is None else _kind(value, name)
    return {"name": name, "parameterType": {"type": kind}, "parameterValue": {"value": _scalar(kind, value, f"parameters.{name}")}}


def _kind(value: Json, name: str) -> str:
    match value:
        case bool():
            return "BOOL"
        case int() if -_INT64 <= value < _INT64:
            return "INT64"
        case float():
            return "FLOAT64"
        case str():
            return "STRING"
        case dict():
            return "JSON"
        case _:
            raise InvalidConfig(f"`parameters.{name}` is a number that is too large, or a list in a list: give it as a text.")


def _scalar(kind: str, value: Json, name: str) -> str | None:
    """A value as text, which is how all of them are sent."""
    if value is None:
        return None
    if kind == "JSON" or (kind == "STRING" and isinstance(value, (dict, list))):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return value
    raise InvalidConfig(f"`{name}` must be a text, a number, or true or false: the type is {kind}.")


def column_type(field: Field) -> Json:
    """The type of a parameter that holds a value of a column."""
    kind = type_of(field)
    inner: Json = {"type": kind}
    if kind == "STRUCT":
        parts = cast("list[Field]", field.get("fields") or [])
        inner = {"type": kind, "structTypes": [{"name": part["name"], "type": column_type(part)} for part in parts]}
    return {"type": "ARRAY", "arrayType": inner} if field.get("mode") == "REPEATED" else inner


def column_value(field: Field, value: Json, name: str = "") -> Json:
    """A value for a column. InvalidConfig names one that it cannot hold."""
    where = name or f"values.{field['name']}"
    if field.get("mode") == "REPEATED":
        if value is not None and not isinstance(value, list):
            raise InvalidConfig(f"`{where}` must be a list.")
        items = cast("list[Json]", value or [])
        return {"arrayValues": [column_value({**field, "mode": "NULLABLE"}, item, where) for item in items]}
    if type_of(field) == "STRUCT":
        if not isinstance(value, dict):
            if value is None:
                return {}
            raise InvalidConfig(f"`{where}` must be an object.")
        given, parts = cast("dict[str, Json]", value), cast("list[Field]", field.get("fields") or [])
        known = {str(part["name"]) for part in parts}
        if unknown := next((key for key in given if key not in known), None):
            raise InvalidConfig(f"`{where}` has no field {unknown}; it has: {', '.join(sorted(known))}.")
        return {"structValues": {part["name"]: column_value(part, given.get(part["name"]), f"{where}.{part['name']}") for part in parts}}
    return {"value": _scalar(type_of(field), value, where)}


def records(fields: Sequence[Field], rows: Sequence[Json]) -> list[dict[str, Json]]:
    """The rows of a result, by the names of their columns."""
    return [_record(fields, row) for row in rows]


def _record(fields: Sequence[Field], row: Json) -> dict[str, Json]:
    cells = cast("list[Mapping[str, Json]]", row["f"])
    return {str(field["name"]): _cell(field, cell.get("v")) for field, cell in zip(fields, cells, strict=True)}


def _cell(field: Field, value: Json) -> Json:
    if field.get("mode") == "REPEATED":
        single = {**field, "mode": "NULLABLE"}
        return [_cell(single, item.get("v")) for item in cast("list[Mapping[str, Json]]", value or [])]
    if value is None:
        return None
    match type_of(field):
        case "STRUCT":
            return _record(cast("Sequence[Field]", field.get("fields") or []), value)
        case "INT64":
            return int(value) if abs(int(value)) <= EXACT else str(value)
        case "FLOAT64":
            return float(value) if math.isfinite(float(value)) else None
        case "NUMERIC" | "BIGNUMERIC":
            return _number(str(value))
        case "BOOL":
            return str(value).lower() == "true"
        case "TIMESTAMP":
            return _time(str(value))
        case "JSON":
            return _parsed(str(value))
        case _:
            return value


def _number(text: str) -> Json:
    """A number where a double holds all of its digits, else the text."""
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return text
    if exact == exact.to_integral_value() and abs(exact) <= EXACT:
        return int(exact)
    return float(exact) if Decimal(repr(float(exact))) == exact else text


def _time(text: str) -> str:
    """Microseconds since 1970 as ISO 8601; what is not that, as it is."""
    try:
        return (_EPOCH + timedelta(microseconds=int(text))).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return text


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
