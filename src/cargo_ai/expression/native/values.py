"""JavaScript's rules for JSON values: undefined, truth, equality, order, and reading a property."""

import math
from collections.abc import Mapping
from typing import Final, TypeAlias, TypeGuard, final

from cargo_ai.expression.native.number import MAX_SAFE, as_double, number_to_text, text_to_number

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
Scope: TypeAlias = Mapping[str, object]
"""The names an expression can read (nodes, parentNodes, record, now), each a JSON value."""


@final
class Undefined:
    """JavaScript's undefined; its only instance is UNDEFINED."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()


class Uncertain(Exception):
    """The result in JavaScript is not known for sure here (a method, a prototype, an object as text)."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OBJECT_NAMES = _names("""
    constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf __proto__
    __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__
""")
_ARRAY_NAMES = _names("""
    at concat copyWithin entries every fill filter find findIndex findLast findLastIndex flat flatMap forEach includes indexOf join
    keys lastIndexOf map pop push reduce reduceRight reverse shift slice some sort splice toReversed toSorted toSpliced unshift values with
""")
_STRING_NAMES = _names("""
    anchor at big blink bold charAt charCodeAt codePointAt concat endsWith fixed fontcolor fontsize includes indexOf isWellFormed italics
    lastIndexOf link localeCompare match matchAll normalize padEnd padStart repeat replace replaceAll search slice small split startsWith
    strike sub substr substring sup toLocaleLowerCase toLocaleUpperCase toLowerCase toUpperCase toWellFormed trim trimEnd trimLeft
    trimRight trimStart
""")
_NUMBER_NAMES = _names("toExponential toFixed toPrecision")
_INHERITED: dict[type, frozenset[str]] = {
    dict: _OBJECT_NAMES,
    list: _OBJECT_NAMES | _ARRAY_NAMES,
    str: _OBJECT_NAMES | _STRING_NAMES,
    int: _OBJECT_NAMES | _NUMBER_NAMES,
    float: _OBJECT_NAMES | _NUMBER_NAMES,
    bool: _OBJECT_NAMES,
}


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether the value is a number to JavaScript; Python's booleans are not."""
    kind = type(value)
    return kind is int or kind is float


def is_text(value: object) -> TypeGuard[str]:
    """Whether the value is a string."""
    return type(value) is str


def is_array(value: object) -> TypeGuard[list[object]]:
    """Whether the value is a JSON array."""
    return type(value) is list


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether the value is a JSON object; mappings that decode lazily count."""
    return type(value) is dict or isinstance(value, Mapping)


def is_absent(value: object) -> TypeGuard[Undefined | None]:
    """Whether the value is null or undefined."""
    return value is None or value is UNDEFINED


def truthy(value: object) -> bool:
    """JavaScript's Boolean(value): empty arrays and objects are true; '', 0, NaN, null and undefined are not."""
    if value is True:
        return True
    if value is None or value is False or value is UNDEFINED:
        return False
    if is_text(value):
        return value != ""
    if is_number(value):
        return not (value == 0 or value != value)
    return True


def strictly_equal(left: object, right: object) -> bool:
    """JavaScript's left === right."""
    if is_number(left):
        return is_number(right) and left == right
    if is_text(left):
        return is_text(right) and left == right
    if left is None or left is UNDEFINED or type(left) is bool:
        return left is right
    if left is right:
        # The same Python object may stand at two places of a scope; in JavaScript those are two objects.
        raise Uncertain
    return False


def loosely_equal(left: object, right: object) -> bool:
    """JavaScript's left == right."""
    if is_absent(left) or is_absent(right):
        return is_absent(left) and is_absent(right)
    if type(left) is type(right):
        return strictly_equal(left, right)
    left_is_scalar, right_is_scalar = _is_scalar(left), _is_scalar(right)
    if left_is_scalar and right_is_scalar:
        return to_number(left) == to_number(right)
    if left_is_scalar or right_is_scalar:
        raise Uncertain
    return False


def _is_scalar(value: object) -> bool:
    return type(value) is bool or is_number(value) or is_text(value)


def to_number(value: object) -> int | float:
    """JavaScript's Number(value) for a value that is neither an array nor an object."""
    if is_number(value):
        return value
    if is_text(value):
        return text_to_number(value)
    if type(value) is bool:
        return int(value)
    if value is None:
        return 0
    if value is UNDEFINED:
        return math.nan
    raise Uncertain


def order_key(text: str) -> bytes:
    """Bytes that sort as JavaScript sorts the text: by UTF-16 unit, not by code point."""
    return text.encode("utf-16-be", "surrogatepass")


def property_key(value: object) -> str | int:
    """The value as a key between brackets: a list position as int, any other key as text."""
    if is_number(value):
        number = as_double(value)
        return number if type(number) is int and number >= 0 else number_to_text(number)
    if is_text(value):
        is_position = value.isascii() and value.isdigit() and (value[0] != "0" or value == "0") and len(value) <= 15
        return int(value) if is_position else value
    if type(value) is bool:
        return "true" if value else "false"
    if is_absent(value):
        return "null" if value is None else "undefined"
    raise Uncertain


def member(value: object, key: str | int) -> object:
    """JavaScript's value[key] for a value that is neither null nor undefined; numbers come as stored (see as_double)."""
    if is_object(value):
        held = value.get(key if type(key) is str else str(key), UNDEFINED)
        if held is UNDEFINED and key in _OBJECT_NAMES:
            raise Uncertain
    elif is_array(value) and type(key) is int:
        held = value[key] if key < len(value) else UNDEFINED
    elif is_text(value) and type(key) is int:
        held = _unit_at(value, key)
    elif is_array(value) and key == "length":
        held = len(value)
    elif is_text(value) and key == "length":
        held = _utf16_length(value)
    else:
        inherited = _INHERITED.get(type(value))
        if inherited is None or key in inherited:
            raise Uncertain  # a method, or no JSON value at all
        held = UNDEFINED
    return held


def _utf16_length(text: str) -> int:
    return len(text) if text.isascii() else len(order_key(text)) // 2


def _unit_at(text: str, position: int) -> str | Undefined:
    if text.isascii():
        return text[position] if position < len(text) else UNDEFINED
    unit = order_key(text)[position * 2 : position * 2 + 2]
    if not unit:
        return UNDEFINED
    if 0xD8 <= unit[0] <= 0xDF:
        raise Uncertain  # half a character: not representable in JSON that others read
    return unit.decode("utf-16-be")


def is_rounded(value: object) -> bool:
    """Whether the value is a whole number beyond the range that doubles hold exactly."""
    return type(value) is int and not -MAX_SAFE <= value <= MAX_SAFE
