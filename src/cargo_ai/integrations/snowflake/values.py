"""Values of results: Snowflake sends all of them as texts, with their types beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

Json = Any
Column = Mapping[str, Json]
EXACT = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = 1_000_000
_OFFSET_ZERO = 1_440


def records(columns: Sequence[Column], rows: Sequence[Sequence[Json]]) -> list[dict[str, Json]]:
    """The rows of a result, by the names of their columns."""
    names = [str(column["name"]) for column in columns]
    kinds = [(str(column.get("type", "")).lower(), int(column.get("scale") or 0)) for column in columns]
    return [{name: _value(kind, scale, cell) for name, (kind, scale), cell in zip(names, kinds, row, strict=True)} for row in rows]


def _value(kind: str, scale: int, cell: Json) -> Json:
    if not isinstance(cell, str):
        return cell
    try:
        return _read(kind, scale, cell)
    except (ValueError, InvalidOperation, OverflowError):
        return cell


def _read(kind: str, scale: int, text: str) -> Json:
    match kind:
        case "fixed":
            return _number(text)
        case "real" | "float" | "double":
            return float(text) if math.isfinite(float(text)) else None
        case "boolean":
            return text.lower() in ("true", "1")
        case "date":
            return (date(1970, 1, 1) + timedelta(days=int(text))).isoformat()
        case "time":
            return (_EPOCH + timedelta(microseconds=_microseconds(text))).time().isoformat(timespec="microseconds")
        case "timestamp_ntz":
            return _moment(text).replace(tzinfo=None).isoformat(timespec="microseconds")
        case "timestamp_ltz":
            return _moment(text).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case "timestamp_tz":
            seconds, _, offset = text.partition(" ")
            zone = timezone(timedelta(minutes=int(offset) - _OFFSET_ZERO)) if offset else UTC
            return _moment(seconds).astimezone(zone).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case "variant" | "object" | "array" | "map" | "vector" | "geography" | "geometry":
            return json.loads(text)
        case _:
            return text


def _microseconds(text: str) -> int:
    return int(Decimal(text) * _MICROSECONDS)


def _moment(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=_microseconds(text))


def _number(text: str) -> Json:
    """A number where a double holds all of its digits, else the text."""
    exact = Decimal(text)
    if exact == exact.to_integral_value() and abs(exact) <= EXACT:
        return int(exact)
    return float(exact) if Decimal(repr(float(exact))) == exact else text


def to_text(value: Json) -> str | None:
    """A value for a column, as text: Snowflake casts it to the type of the column."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
