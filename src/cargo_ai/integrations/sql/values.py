"""Values between databases and JSON."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

Json = Any
EXACT = 2**53


def to_json(value: object) -> Json:
    """A value of a row as JSON: times as ISO 8601, bytes as base64, what JSON does not know as text."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= EXACT else str(value)
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return _number(value)
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case uuid.UUID() | dt.timedelta():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(cast("bytes", value))).decode()
        case Mapping():
            return {str(key): to_json(inner) for key, inner in cast("Mapping[object, object]", value).items()}
        case list() | tuple() | set() | frozenset():
            return [to_json(inner) for inner in cast("Sequence[object]", value)]
        case _:
            return str(value)


def _number(value: Decimal) -> Json:
    if not value.is_finite():
        return None
    if value == value.to_integral_value() and abs(value) <= EXACT:
        return int(value)
    as_float = float(value)
    # Digits that a float does not hold are not lost: such a number is a text.
    return as_float if Decimal(repr(as_float)) == value else str(value)


def to_database(value: Json) -> object:
    """A JSON value as drivers take it: objects and lists as JSON text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
