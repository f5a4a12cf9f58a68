"""Values as text: what a template prints for each kind of value."""

import math
from collections.abc import Mapping
from json.encoder import encode_basestring as quote_text

from cargo_ai.expression.native.number import number_to_text
from cargo_ai.expression.native.values import UNDEFINED, is_array, is_number, is_object, is_text


def to_text(value: object) -> str:
    """The value inside a longer text: null and undefined as '', arrays and objects as compact JSON, numbers as JavaScript prints them."""
    if is_text(value):
        return value
    if value is None or value is UNDEFINED:
        return ""
    if is_number(value):
        return number_to_text(value)
    return to_json_text(value)


def to_json_text(value: object) -> str:
    """JavaScript's JSON.stringify(value), with keys in the order that JavaScript gives them."""
    if is_text(value):
        return quote_text(value)
    if value is None or value is UNDEFINED:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    if is_number(value):
        return number_to_text(value) if math.isfinite(value) else "null"
    if is_array(value):
        return "[" + ",".join([to_json_text(item) for item in value]) + "]"
    if is_object(value):
        return "{" + ",".join([f"{quote_text(key)}:{to_json_text(item)}" for key, item in _in_javascript_order(value)]) + "}"
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _in_javascript_order(value: Mapping[str, object]) -> list[tuple[str, object]]:
    """The entries as JavaScript lists them: keys that are array positions first, by number; the others as they came."""
    entries = list(value.items())
    positions = {key for key in value if _is_position(key)}
    if not positions:
        return entries
    first = sorted((entry for entry in entries if entry[0] in positions), key=lambda entry: int(entry[0]))
    return first + [entry for entry in entries if entry[0] not in positions]


def _is_position(key: str) -> bool:
    return key.isascii() and key.isdigit() and (key[0] != "0" or key == "0") and len(key) <= 10 and int(key) < 2**32 - 1
