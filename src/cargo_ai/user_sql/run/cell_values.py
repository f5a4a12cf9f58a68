"""Convert a query's values to JSON: times as ISO text, whole numbers without a fraction, vectors as arrays."""

from __future__ import annotations

import datetime
import json
import math
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, cast

import psycopg

from cargo_ai.kernel import clock

Cell = Callable[[Any], Any]
_EXACT = 2**53
MAX_DIGITS = 308
"""Whole numbers of more digits are texts: no reader of JSON has numbers of that size, and some break off at them."""


def cell_converters(connection: psycopg.AsyncConnection[Any], description: Sequence[psycopg.Column]) -> list[Cell]:
    """How each column of a result becomes JSON. A type that the driver does not know is a vector: no other can be asked for."""
    known = connection.adapters.types
    return [to_json if known.get(column.type_code) is not None else vector_to_json for column in description]


def to_json(value: Any) -> Any:
    """A value of the driver as JSON has it."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if -(10**MAX_DIGITS) < value < 10**MAX_DIGITS else str(Decimal(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Decimal):
        if value.is_finite() and value.adjusted() >= MAX_DIGITS:
            return f"{value:f}"
        return int(value) if value.is_finite() and value == value.to_integral_value() else _number(float(value))
    if isinstance(value, datetime.datetime):
        return clock.to_iso(value) if value.tzinfo else value.isoformat(timespec="milliseconds")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in cast("list[object]", value)]
    if isinstance(value, uuid.UUID):
        return str(value)
    return str(value)


def load_json(text: bytes | str) -> Any:
    """A JSON column's value; a whole number of more digits than fit is a text."""
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= MAX_DIGITS else digits)


def _number(value: float) -> Any:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def vector_to_json(value: Any) -> Any:
    """`[1,2.5]` as an array of numbers."""
    if not isinstance(value, str):
        return to_json(value)
    try:
        return to_json(load_json(value))
    except ValueError:
        return value
