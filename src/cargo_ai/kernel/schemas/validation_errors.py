"""Validation errors: pydantic's errors as sentences for people, at the paths that the sender used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_snake
from pydantic_core import ErrorDetails

MAX_ERRORS = 50
MANY_ERRORS = 1_000
MAX_CHOICES = 12

_UNKNOWN = object()
_A_TIMESTAMP = "must be a date or a time, such as 2026-01-31 or 2026-01-31T12:00:00Z"
_PLAIN = {
    "missing": "is required",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "date_from_datetime_parsing": _A_TIMESTAMP,
    "date_type": _A_TIMESTAMP,
    "datetime_from_date_parsing": _A_TIMESTAMP,
    "datetime_parsing": _A_TIMESTAMP,
    "datetime_type": _A_TIMESTAMP,
    "dict_type": "must be a JSON object",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "mapping_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "string_type": "must be text",
    "tuple_type": "must be a list",
}


def _at_least(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    least: int = context["min_length"]
    return "must not be empty" if least == 1 else f"must have at least {least} {_things(error)}"


def _at_most(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    return f"must have at most {context['max_length']} {_things(error)}"


def _things(error: ErrorDetails) -> str:
    """What the length of a value counts."""
    return "characters" if isinstance(error["input"], str) else "items"


def _one_of(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    # pydantic's own list: 'a', 'b' or 'c'
    choices = [choice.strip("'") for choice in str(context["expected"]).replace(" or ", ", ").split(", ")]
    return _choices(choices, error["input"])


def _no_variant(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    choices = [choice.strip("'") for choice in str(context["expected_tags"]).split(", ")]
    return _choices(choices, context["tag"])


def _choices(choices: Sequence[str], value: object) -> str:
    """`must be one of …`: all of a short list, of a long one those most like the value."""
    if len(choices) <= MAX_CHOICES:
        return f"must be one of {', '.join(choices)}" if len(choices) > 1 else f"must be {choices[0]}"
    near = get_close_matches(str(value), choices, MAX_CHOICES // 2, 0.3) or choices[: MAX_CHOICES // 2]
    return f"must be one of {', '.join(near)} and {len(choices) - len(near)} more"


def _bound(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


WEB_ADDRESS = r"^https?://[^\s/?#@\\]+(/[^\s?#]*)?$"
"""Of addresses that are shown: what stands before an `@`, or in a query, may be a secret."""
MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
_PATTERNS = {
    MONTH: "must be a month, such as 2026-01",
    r"\S": "must not be blank",
    r"^[^@\s]+@[^@\s]+$": "must be an e-mail address, such as ann@example.com",
    r"^[A-Za-z0-9][A-Za-z0-9_]*$": "may have letters, digits and _ only, and begins with a letter or digit",
    r"^[A-Za-z0-9][A-Za-z0-9_-]*$": "may have letters, digits, _ and - only, and begins with a letter or digit",
    r"^[a-z0-9][A-Za-z0-9_-]*$": "may have letters, digits, _ and - only, and begins with a small letter or digit",
    r"^[A-Za-z0-9_.-]+$": "may have letters, digits, _, . and - only",
    r"^[a-z][a-z0-9-]{0,62}$": "may have small letters, digits and hyphens only, at most 63, and begins with a letter",
    WEB_ADDRESS: "must be an address that begins with http:// or https://, without user, password, query and fragment",
}
_BY_CONTEXT: dict[str, Callable[[ErrorDetails, Mapping[str, Any]], str]] = {
    "enum": _one_of,
    "greater_than": lambda _, context: f"must be more than {_bound(context['gt'])}",
    "greater_than_equal": lambda _, context: f"must be at least {_bound(context['ge'])}",
    "less_than": lambda _, context: f"must be less than {_bound(context['lt'])}",
    "less_than_equal": lambda _, context: f"must be at most {_bound(context['le'])}",
    "literal_error": _one_of,
    "string_pattern_mismatch": lambda _, context: _PATTERNS.get(context["pattern"], f"must match the pattern {context['pattern']}"),
    "string_too_long": _at_most,
    "string_too_short": _at_least,
    "too_long": _at_most,
    "too_short": _at_least,
    "union_tag_invalid": _no_variant,
    "union_tag_not_found": lambda _, __: "is required",
}


def first_faults(request: type[BaseModel], raw: Mapping[str, Any], failure: ValidationError) -> ValidationError:
    """The failure, or of more faults than anyone reads those of the beginning of `raw`: it takes long to list all of 100,000."""
    if failure.error_count() > MANY_ERRORS:
        try:
            request.model_validate(_beginning(raw))
        except ValidationError as first:
            return first
    return failure


def _beginning(value: object) -> object:
    """The first items of lists and fields of objects, as far down as they go."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, object]", value)
        return {name: _beginning(fields[name]) for name in islice(fields, MANY_ERRORS)}
    if isinstance(value, list):
        return [_beginning(item) for item in islice(cast("list[object]", value), 2 * MAX_ERRORS)]
    return value


def errors_of(failure: ValidationError, raw: object = _UNKNOWN) -> list[dict[str, str]]:
    """`[{path, message}]` of a failed validation of `raw`, at most 50, one for each path; alternatives are joined by `or`.

    Paths are the sender's (`data.records.0.id`): what only the validator knows, such as which variant of a union it chose, is not in them,
    unless `raw` is left out.
    """
    by_path: dict[str, list[str]] = {}
    for error in failure.errors(include_url=False):
        context: Mapping[str, Any] = error.get("ctx", {})
        path = _path(error["loc"], raw, error["type"] == "missing")
        if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
            # A function that chooses the variant is named after the field that it reads: `_kind()`.
            path = [*path, str(context["discriminator"]).strip("'").removesuffix("()").lstrip("_")]
        joined = ".".join(path)
        if joined not in by_path and len(by_path) == MAX_ERRORS:
            # A request may have a hundred thousand faults, and no one is served while they are put into words.
            break
        messages = by_path.setdefault(joined, [])
        if (message := _message(error, context)) not in messages:
            messages.append(message)
    return [{"path": path, "message": " or ".join(messages)} for path, messages in by_path.items()]


def _message(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _BY_CONTEXT:
        return _BY_CONTEXT[kind](error, context)
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:] if error["loc"] else message


def _path(location: Sequence[int | str], raw: object, missing: bool) -> list[str]:
    """The parts of a location that the sender wrote or, for a missing field, should have written."""
    parts: list[str] = []
    at = raw
    for place, part in enumerate(location):
        last = place == len(location) - 1
        if at is _UNKNOWN:
            parts.append(str(part))
        elif isinstance(part, int):
            items = cast("Sequence[object]", at) if isinstance(at, (list, tuple)) else ()
            at = items[part] if part < len(items) else _UNKNOWN
            parts.append(str(part))
        elif isinstance(at, Mapping):
            fields = cast("Mapping[str, object]", at)
            written = next((name for name in (part, to_snake(part)) if name in fields), None)
            after = None if last else location[place + 1]
            is_plain = written is not None and not isinstance(fields[written], (Mapping, list, tuple))
            if is_plain and after is not None and ((missing and place == len(location) - 2) or after in fields):
                # The variant of a union that is called like one of its own fields, such as `cron` of a trigger.
                continue
            if written is not None:
                at = fields[written]
                parts.append(written)
            elif last and missing:
                parts.append(part)
            elif not last and isinstance(location[place + 1], int):
                # A list under another name: the variant of a union is never followed by an index.
                at = _UNKNOWN
                parts.append(part)
    return parts
