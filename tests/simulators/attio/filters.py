"""Filters: Attio's language of conditions, in its short and its long form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from tests.simulators.attio.workspace import Collection, Item, refused

Json = Any
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TEXT = {"$eq", "$in", "$not_empty", "$contains", "$starts_with", "$ends_with"}
_ORDER = {"$eq", "$in", "$not_empty", "$lt", "$lte", "$gt", "$gte"}
_PLACE = dict.fromkeys(("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode", "country_code"), _TEXT)
_NAMES = {"full_name": _TEXT, "first_name": _TEXT, "last_name": _TEXT}
_EMAILS: Mapping[str, set[str]] = dict.fromkeys(
    ("email_address", "original_email_address", "email_domain", "email_root_domain", "email_local_specifier"), _TEXT
)

# The parts of a value by which records can be filtered, the usual one first, and what each can be compared by.
PARTS: Mapping[str, Mapping[str, set[str]]] = {
    "text": {"value": _TEXT},
    "number": {"value": _ORDER},
    "rating": {"value": _ORDER},
    "checkbox": {"value": {"$eq"}},
    "date": {"value": _ORDER},
    "timestamp": {"value": _ORDER},
    "currency": {"currency_value": _ORDER},
    "domain": {"domain": _TEXT, "root_domain": _TEXT},
    "email-address": _EMAILS,
    "phone-number": {"phone_number": _TEXT, "country_code": _TEXT},
    "personal-name": _NAMES,
    "location": {"": set(), **_PLACE},
    "select": {"option": {"$eq", "$in", "$not_empty"}},
    "status": {"status": {"$eq", "$in", "$not_empty"}},
    "record-reference": {"": {"$not_empty"}, "target_object": {"$eq"}, "target_record_id": {"$eq", "$in"}},
    "actor-reference": {"": {"$not_empty"}, "referenced_actor_type": {"$eq"}, "referenced_actor_id": {"$eq"}},
    "interaction": {"": set(), "interacted_at": _ORDER},
}


def fits(collection: Collection, item: Item, where: Json) -> bool:
    """Whether a record fits a filter. Refuses what is not a filter."""
    if not isinstance(where, dict):
        raise _error("A filter is an object.")
    return all(_holds(collection, item, name, condition) for name, condition in cast("dict[str, Json]", where).items())


def _holds(collection: Collection, item: Item, name: str, condition: Json) -> bool:
    if name in ("$and", "$or"):
        if not isinstance(condition, list) or not condition:
            raise _error(f"{name} takes an array of filters.")
        results = [fits(collection, item, part) for part in cast("list[Json]", condition)]
        return all(results) if name == "$and" else any(results)
    if name == "$not":
        return not fits(collection, item, condition)
    attribute = collection.attribute(name)
    if attribute is None:
        raise _error(f'Unknown attribute slug "{name}".')
    if name == "record_id":
        _check_ids(condition)
        return _compare(item.id, condition, _TEXT)
    if name == "created_at":
        return _compare(item.created_at, condition, _ORDER)
    parts = PARTS[attribute.type]
    values = item.values.get(attribute.slug, [])
    if not isinstance(condition, dict) or _operators(cast("dict[str, Json]", condition)):
        return _any(values, next(iter(parts)), condition, parts)
    unknown = [part for part in cast("dict[str, Json]", condition) if part not in parts]
    if unknown:
        raise _error(f'Unknown property "{unknown[0]}" of attribute "{name}".')
    return all(_any(values, part, inner, parts) for part, inner in cast("dict[str, Json]", condition).items())


def _operators(condition: Mapping[str, Json]) -> bool:
    return any(name.startswith("$") for name in condition)


def _check_ids(condition: object) -> None:
    wanted = list(cast("dict[str, object]", condition).values()) if isinstance(condition, dict) else [condition]
    for text in wanted:
        ids: list[object] = cast("list[object]", text) if isinstance(text, list) else [text]
        for each in ids:
            if not UUID.fullmatch(str(each)):
                raise _error(f'"{each}" is not a valid record ID.')


def _any(values: list[dict[str, Json]], part: str, condition: Json, parts: Mapping[str, set[str]]) -> bool:
    empty: object = cast("dict[str, object]", condition).get("$not_empty") if isinstance(condition, dict) else None
    if empty is not None and "$not_empty" in parts[part]:
        return bool(values) is bool(empty)
    results = [_compare(_said(value.get(part)), condition, parts[part]) for value in values or [{}]]
    return any(results) and bool(values)


def _said(value: Json) -> Json:
    return cast("dict[str, Json]", value)["title"] if isinstance(value, dict) else value


def _compare(value: Json, condition: Json, allowed: set[str]) -> bool:
    tests = cast("dict[str, Json]", condition) if isinstance(condition, dict) else {"$eq": condition}
    for operator, wanted in tests.items():
        if operator not in allowed:
            raise _error(f'The operator "{operator}" is not supported here.')
        if not _passes(value, operator, wanted):
            return False
    return True


def _passes(value: Json, operator: str, wanted: Json) -> bool:
    match operator:
        case "$eq":
            return value == wanted
        case "$in":
            return value in wanted
        case "$contains":
            return str(wanted).lower() in str(value).lower()
        case "$starts_with":
            return str(value).lower().startswith(str(wanted).lower())
        case "$ends_with":
            return str(value).lower().endswith(str(wanted).lower())
        case _:
            if value is None:
                return False
            return {"$lt": value < wanted, "$lte": value <= wanted, "$gt": value > wanted, "$gte": value >= wanted}[operator]


def _error(message: str) -> Exception:
    return refused(400, "filter_error", f"Error in filter. {message}")
