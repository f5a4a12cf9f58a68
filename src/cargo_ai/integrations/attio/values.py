"""Values: Attio's, which are arrays of objects by type, as plain ones, and plain ones as Attio takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from cargo_ai.integrations.attio.attributes import RECORD_ID, Attribute, Attributes
from cargo_ai.integrations.kit import InvalidConfig

Json = Any
JsonObject = Mapping[str, Json]

LOCATION = ("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode", "country_code", "latitude", "longitude")
_ABOUT_THE_VALUE = {"active_from", "active_until", "created_by_actor", "attribute_type"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# The property of a value that says it, by type; of all others it is `value`.
_SAYS: Mapping[str, str] = {
    "currency": "currency_value",
    "domain": "domain",
    "email-address": "email_address",
    "phone-number": "phone_number",
    "personal-name": "full_name",
    "record-reference": "target_record_id",
    "actor-reference": "referenced_actor_id",
    "interaction": "interacted_at",
    "select": "option",
    "status": "status",
}
_NUMBERS = {"number", "currency", "rating"}


def plain_values(attributes: Attributes, values: JsonObject) -> dict[str, Json]:
    """The values of a record or an entry: one each, or a list where an attribute holds several; null where Attio has no value."""
    plain: dict[str, Json] = {}
    for name, given in values.items():
        attribute = attributes.get(name)
        items = [plain_value(cast("JsonObject", item)) for item in cast("list[Json]", given or [])]
        several = attribute.is_multiselect if attribute is not None else len(items) > 1
        plain[name] = items if several else items[0] if items else None
    return plain


def plain_value(value: JsonObject) -> Json:
    """One of Attio's values: a text, a number, true or false, or an object where it has several parts."""
    kind = str(value.get("attribute_type"))
    said = value.get(_SAYS.get(kind, "value"))
    if said is None and kind == "phone-number":
        said = value.get("normalized_phone_number") or value.get("original_phone_number")
    if isinstance(said, Mapping):
        return cast("JsonObject", said).get("title")
    if kind in _NUMBERS and isinstance(said, str):
        return number_of(said)
    if said is None and kind not in _SAYS:
        return {name: part for name, part in value.items() if name not in _ABOUT_THE_VALUE}
    return said


def attio_values(attributes: Attributes, plain: Mapping[str, Json]) -> dict[str, list[Json]]:
    """Plain values as Attio takes them, always in arrays; null is an empty one. What Attio has no attribute for, it will name itself.

    InvalidConfig for an attribute that only Attio sets, or a list where there can be one value.
    """
    values: dict[str, list[Json]] = {}
    for name, value in plain.items():
        items = [item for item in _items(value) if item is not None and item != ""]
        attribute = attributes.get(name)
        if attribute is None:
            values[name] = items
            continue
        if not attribute.is_writable:
            raise InvalidConfig(f"`mappings`: {name} is set by Attio itself and cannot be written.")
        if len(items) > 1 and not attribute.is_multiselect:
            raise InvalidConfig(f"`mappings`: {name} holds one value in Attio, not {len(items)}.")
        values[name] = [_attio_value(attribute, item) for item in items]
    return values


def _items(value: Json) -> list[Json]:
    return cast("list[Json]", value) if isinstance(value, list) else [value]


def _attio_value(attribute: Attribute, value: Json) -> Json:
    if isinstance(value, Mapping):
        given = cast("JsonObject", value)
        # Attio wants every part of a location, those that are missing as null.
        return {**dict.fromkeys(LOCATION), **given} if attribute.type == "location" else given
    shape = _SHAPES.get(attribute.type)
    return value if shape is None else shape(attribute, value)


def _as_text(value: Json) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _text(_attribute: Attribute, value: Json) -> Json:
    return _as_text(value)


def _name(_attribute: Attribute, value: Json) -> Json:
    """A full name in its parts: Attio takes a text without a comma for a first name, and `Last, First` for both."""
    text = " ".join(str(value).split())
    first, _, last = text.rpartition(" ")
    if "," in text or not first:
        return text
    return {"first_name": first, "last_name": last, "full_name": text}


def _reference(attribute: Attribute, value: Json) -> Json:
    """A record by its id; another text stands for a unique value of it, such as a domain, which Attio looks up."""
    if not is_uuid(value):
        return value
    if len(attribute.objects) != 1:
        raise InvalidConfig(
            f"`mappings`: {attribute.slug} refers to records of several objects: "
            'write {"target_object": "companies", "target_record_id": "…"}.'
        )
    return {"target_object": attribute.objects[0], "target_record_id": value}


def _actor(_attribute: Attribute, value: Json) -> Json:
    """A member of the workspace by id; another text is an e-mail address."""
    return {"referenced_actor_type": "workspace-member", "referenced_actor_id": value} if is_uuid(value) else value


_SHAPES: Mapping[str, Callable[[Attribute, Json], Json]] = {
    "text": _text,
    "personal-name": _name,
    "record-reference": _reference,
    "actor-reference": _actor,
}


def filter_of(attributes: Attributes, name: str, key: str) -> JsonObject:
    """Attio's filter for the records that have a value of an attribute. InvalidConfig where there is nothing to compare with."""
    attribute = attributes.get(name)
    if name == RECORD_ID or attribute is None:
        return {name: key}
    match attribute.type:
        case "record-reference":
            return {name: {"target_record_id": {"$eq": key}}}
        case "actor-reference":
            return {name: {"referenced_actor_type": "workspace-member", "referenced_actor_id": key}}
        case "currency":
            return {name: {"currency_value": {"$eq": number_of(key)}}}
        case "number" | "rating":
            return {name: number_of(key)}
        case "checkbox":
            return {name: key.lower() == "true"}
        case "location" | "interaction":
            raise InvalidConfig(f"Records cannot be found by {name}, which is a {attribute.type}: choose another attribute.")
        case kind:
            return {name: comparable(kind, key)}


def comparable(kind: str, value: Json) -> Json:
    """A plain value as it is compared: addresses and domains without regard to case, numbers as such, telephone numbers by their digits."""
    if kind in _NUMBERS:
        number = number_of(value)
        return float(number) if isinstance(number, (int, float)) else number
    if isinstance(value, (Mapping, list)):
        return cast("Json", value)
    match kind:
        case "email-address":
            return str(value).strip().lower()
        case "domain":
            return re.sub(r"^https?://", "", str(value).strip().lower()).partition("/")[0]
        case "phone-number":
            return re.sub(r"[^\d+]", "", str(value))
        case "personal-name":
            return " ".join(str(value).split())
        case "text":
            return _as_text(value)
        case _:
            return value


def differs(attributes: Attributes, present: Mapping[str, Json], wanted: Mapping[str, Json], *, add: bool) -> bool:
    """Whether a record's plain values are others than those wanted; with `add`, whether some of them are missing.

    What Attio keeps in another form (a date with its time, an address in parts) counts as different, and is written.
    """
    return any(_value_differs(attributes.get(name), present.get(name), value, add=add) for name, value in wanted.items())


def _value_differs(attribute: Attribute | None, present: Json, wanted: Json, *, add: bool) -> bool:
    kind = "" if attribute is None else attribute.type
    has = [comparable(kind, item) for item in _items(present) if item is not None]
    wants = [comparable(kind, item) for item in _items(wanted) if item is not None and item != ""]
    missing = any(item not in has for item in wants)
    if add and (attribute is None or attribute.is_multiselect):
        return missing
    return missing or any(item not in wants for item in has)


def number_of(value: Json) -> Json:
    """A text that is a number as one; all else as it is."""
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    if number in (float("inf"), float("-inf")) or number != number:
        return value
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def is_uuid(value: Json) -> bool:
    """Whether it is an id of Attio."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None
