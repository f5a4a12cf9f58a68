"""Convert values between JSON and the database: check and encode what goes into a column, decode what comes out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.kernel import clock

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")
_TRUE = frozenset({"true", "1", "yes", "y", "on", "t"})
_FALSE = frozenset({"false", "0", "no", "n", "off", "f"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MILLISECONDS = 1e11  # a smaller number is seconds since 1970, as most services send it
_MAX_QUOTED = 60
_EXACT = 2.0**53


class InvalidValue(ValueError):
    """The value cannot go into the column; the message says why, without naming the column."""


def to_database(value: object, kind: ColumnType) -> str | None:
    """The value as the text that the database's type reads; None for null. Raises Unfit.

    Texts become what the column holds ("42" in a number column is 42, ISO text in a date column a moment); '' is null but in texts.
    """
    if value is None:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidValue("is not a finite number")
    return _ENCODERS[kind](value)


def from_text(text: str | None, kind: ColumnType) -> Any:
    """What `to_wire` gives for a value that `to_database` made."""
    if text is None or kind == "string":
        return text
    if kind == "number":
        return to_wire(float(text), kind)
    return clock.to_iso(datetime.fromisoformat(text)) if kind == "date" else json.loads(text)


def quote_value(value: object) -> str:
    """The value in a message, cut to 60 characters."""
    text = value if isinstance(value, str) else _compact_or_str(value)
    text = text if len(text) <= _MAX_QUOTED else text[: _MAX_QUOTED - 1] + "…"
    return f'"{text}"' if isinstance(value, str) else text


def _compact_or_str(value: object) -> str:
    try:
        return _compact(value)
    except (ValueError, TypeError, RecursionError):  # a message needs some text also for what is not JSON
        return str(value)[:_MAX_QUOTED]


def to_wire(value: object, kind: ColumnType) -> Any:
    """A value read from the database as JSON has it: whole numbers without `.0`, moments as ISO text in UTC, vectors as lists."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    if isinstance(value, datetime):
        return clock.to_iso(value)
    if kind == "vector" and isinstance(value, str):
        return json.loads(value)
    return value


def _text(value: object) -> str:
    if isinstance(value, str):
        return _check_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(to_wire(value, "number"))
    if isinstance(value, datetime):
        return clock.to_iso(value)
    return _check_text(str(value)) if isinstance(value, int) else _json(value)


def _number(value: object) -> str | None:
    if isinstance(value, bool):
        raise InvalidValue("is not a number")
    if isinstance(value, (int, float)):
        return _finite(value)
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if NUMBER.match(text):
            return _finite(float(text))
    raise InvalidValue("is not a number")


def _finite(value: float) -> str:
    try:
        number = float(value)
    except OverflowError:
        raise InvalidValue("is larger than a number can be") from None
    if not math.isfinite(number):
        raise InvalidValue("is larger than a number can be")
    return repr(number)


def _boolean(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and value in {0, 1}:
        return "true" if value else "false"
    if isinstance(value, str):
        word = value.strip().lower()
        if not word:
            return None
        if word in _TRUE or word in _FALSE:
            return "true" if word in _TRUE else "false"
    raise InvalidValue("is neither true nor false")


def _date(value: object) -> str | None:
    try:
        if isinstance(value, str):
            text = value.strip()
            if not text:
                return None
            moment = datetime.fromisoformat(text)
        elif isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            moment = _EPOCH + timedelta(milliseconds=value if abs(value) >= _FIRST_MILLISECONDS else value * 1000)
        else:
            raise InvalidValue("is not a date")
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue("is not a date: write it as 2025-01-31 or 2025-01-31T12:00:00Z") from None
    return moment.isoformat(timespec="microseconds")


def _object(value: object) -> str | None:
    value = _parse_json(value, "{")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidValue("is not an object")
    return _json(cast("object", value))


def _array(value: object) -> str | None:
    value = _parse_json(value, "[")
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise InvalidValue("is not an array")
    return _json(cast("object", value))


def _vector(value: object) -> str | None:
    value = _parse_json(value, "[")
    if value is None:
        return None
    items = cast("list[object]", value) if isinstance(value, (list, tuple)) else []
    if not items or len(items) > 16_000:
        raise InvalidValue("is not a vector: a list of 1 to 16,000 numbers")
    if any(isinstance(item, bool) or not isinstance(item, (int, float)) or not math.isfinite(item) for item in items):
        raise InvalidValue("is not a vector: it has something that is not a number")
    return "[" + ",".join(_finite(cast("float", item)) for item in items) + "]"


def _parse_json(value: object, opening: str) -> object:
    """JSON text as what it spells; anything else as it is, '' as null."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text:
        return None
    if not text.startswith(opening):
        return text
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(_name: str) -> None:
    raise ValueError


def _json(value: object) -> str:
    try:
        text = _check_text(_compact(value))
    except (ValueError, TypeError, RecursionError):
        raise InvalidValue("cannot be written as JSON: it is nested too deeply, or holds a number that is not finite") from None
    if "\\u0000" in text and re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise InvalidValue("has a NUL character")
    return text


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_encode_datetime)


def _encode_datetime(value: object) -> str:
    if isinstance(value, datetime):
        return clock.to_iso(value)
    raise TypeError


def _check_text(text: str) -> str:
    if "\x00" in text:
        raise InvalidValue("has a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidValue("has half of a character (a lone surrogate)") from None
    return text


_ENCODERS: Mapping[ColumnType, Callable[[object], str | None]] = {
    "string": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "object": _object,
    "array": _array,
    "vector": _vector,
    "any": _json,
}
