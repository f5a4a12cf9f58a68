"""Coerce values to the declared types of variables."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal, NoReturn, TypeAlias, cast, get_args

from cargo_ai.expression.native.number import WHITE_SPACE, as_double, text_to_number
from cargo_ai.expression.native.text import to_text
from cargo_ai.expression.native.values import UNDEFINED, JsonValue, is_array, is_number, is_object, is_text, truthy

VariableType: TypeAlias = Literal["string", "number", "boolean", "date", "array", "object", "any"]
VARIABLE_TYPES: tuple[str, ...] = get_args(VariableType)

_TRUE = frozenset({"true", "1", "yes", "y", "on"})
_FALSE = frozenset({"false", "0", "no", "n", "off", ""})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MILLISECONDS = 1e11  # a smaller number is seconds since 1970, as most services send it
_MAX_QUOTED = 60  # characters of a value quoted in a warning


class _DoesNotFit(Exception):
    """The value is nothing of the declared type."""


def coerce(value: object, to: VariableType) -> tuple[JsonValue, str | None]:
    """The value as the declared type, and a warning in words where it does not fit (the value is then None).

    undefined, NaN and infinities are None under every type. Dates are "YYYY-MM-DDTHH:mm:ss.sssZ". Raises ValueError for an unknown type.
    """
    if to not in _COERCIONS and to != "any":
        raise ValueError(f"{to} is not one of {', '.join(VARIABLE_TYPES)}")
    if value is None or value is UNDEFINED or (is_number(value) and not math.isfinite(as_double(value))):
        return None, None
    if to == "any":
        return cast(JsonValue, value), None
    try:
        return _COERCIONS[to](value), None
    except _DoesNotFit:
        text = to_text(value)
        shown = text if len(text) <= _MAX_QUOTED else text[: _MAX_QUOTED - 1] + "…"
        article = "an" if to[0] in "ao" else "a"
        return None, f'"{shown}" is not {article} {to}, so the value is null.'


def condition(value: object) -> bool:
    """What filter, branch and switch decide: JavaScript's truth, except that the texts "true" and "false" mean what they say."""
    if is_text(value):
        word = value.strip(WHITE_SPACE).lower()
        return word == "true" if word in ("true", "false") else value != ""
    return truthy(value)


def _string(value: object) -> JsonValue:
    return to_text(value)


def _number(value: object) -> JsonValue:
    if type(value) is bool:
        return int(value)
    if is_number(value):
        return as_double(value)
    if not is_text(value):
        raise _DoesNotFit
    if value.strip(WHITE_SPACE) == "":
        return None
    number = text_to_number(value)
    if not math.isfinite(number):
        raise _DoesNotFit
    return number


def _boolean(value: object) -> JsonValue:
    if not is_text(value):
        return truthy(value)
    word = value.strip(WHITE_SPACE).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _DoesNotFit


def _date(value: object) -> JsonValue:
    try:
        if is_number(value):
            milliseconds = value if abs(value) >= _FIRST_MILLISECONDS else value * 1000
            moment = _EPOCH + timedelta(milliseconds=milliseconds)
        elif is_text(value):
            text = value.strip(WHITE_SPACE)
            if text == "":
                return None
            moment = datetime.fromisoformat(text)
        else:
            raise _DoesNotFit
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _DoesNotFit from None
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _array(value: object) -> JsonValue:
    if is_array(value):
        return cast(JsonValue, value)
    if is_text(value):
        text = value.strip(WHITE_SPACE)
        if text == "":
            return []
        parsed = _parse(text) if text[0] == "[" else None
        if isinstance(parsed, list):
            return parsed
    return [cast(JsonValue, value)]


def _object(value: object) -> JsonValue:
    if is_object(value):
        return cast(JsonValue, value)
    if is_text(value):
        text = value.strip(WHITE_SPACE)
        parsed = _parse(text) if text[:1] == "{" else None
        if isinstance(parsed, dict):
            return parsed
    raise _DoesNotFit


def _parse(text: str) -> JsonValue:
    """JSON text as JavaScript parses it, None where it is not JSON; a number too large for a double is null."""
    try:
        return cast(JsonValue, json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_finite))
    except (ValueError, RecursionError):
        return None


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _finite(digits: str) -> int | float | None:
    number = as_double(float(digits))
    return number if math.isfinite(number) else None


_COERCIONS: dict[str, Callable[[object], JsonValue]] = {
    "string": _string,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "array": _array,
    "object": _object,
}
