"""Values: what may be written to an attribute of each type, and as what it is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from tests.simulators.attio.workspace import Attribute, Workspace, id_for, refused

Json = Any
LOCATION = ("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode", "country_code", "latitude", "longitude")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_DOMAIN = re.compile(r"([a-z0-9-]+\.)+[a-z0-9-]+")
_PHONE = re.compile(r"\+[1-9]\d{4,14}")


def stored(workspace: Workspace, attribute: Attribute, given: Json) -> list[dict[str, Json]]:
    """The values that are kept of those given."""
    if attribute.multi and not isinstance(given, list):
        raise _invalid(attribute, "a multi-select attribute takes an array")
    items = cast("list[Json]", given) if isinstance(given, list) else [] if given is None else [given]
    if len(items) > 1 and not attribute.multi:
        raise _invalid(attribute, "a single-select attribute takes one value")
    values = [{**_KINDS[attribute.type](workspace, attribute, item), "attribute_type": attribute.type} for item in items]
    return [value for at, value in enumerate(values) if value not in values[:at]]


def document(value: Mapping[str, Json], created_at: str) -> dict[str, Json]:
    """A value as the interface gives it."""
    return {"active_from": created_at, "active_until": None, "created_by_actor": {"type": "api-token", "id": id_for("token")}, **value}


def _invalid(attribute: Attribute, why: str) -> Exception:
    return refused(400, "validation_type", f'Invalid value was passed to attribute with slug "{attribute.slug}": {why}.')


def _unwrapped(value: Json, *keys: str) -> Json:
    """What a one-key object says."""
    if isinstance(value, dict) and len(cast("dict[str, Json]", value)) == 1:
        ((key, inner),) = cast("dict[str, Json]", value).items()
        if key in keys:
            return inner
    return cast("Json", value)


def _text(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    text = _unwrapped(value, "value")
    if not isinstance(text, str):
        raise _invalid(attribute, "expected a string")
    return {"value": text}


def _as_number(attribute: Attribute, value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _invalid(attribute, "expected a number")
    try:
        return float(value)
    except ValueError:
        raise _invalid(attribute, "expected a number") from None


def _number(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    return {"value": _as_number(attribute, _unwrapped(value, "value"))}


def _rating(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    number = _as_number(attribute, _unwrapped(value, "value"))
    if number not in range(6):
        raise _invalid(attribute, "expected an integer from 0 to 5")
    return {"value": int(number)}


def _currency(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    return {"currency_value": round(_as_number(attribute, _unwrapped(value, "currency_value")), 4), "currency_code": "USD"}


def _checkbox(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    said = {"true": True, "false": False}.get(str(_unwrapped(value, "value")).lower())
    if said is None:
        raise _invalid(attribute, "expected a boolean")
    return {"value": said}


def _moment(attribute: Attribute, value: Json) -> datetime:
    try:
        text = str(_unwrapped(value, "value"))
        moment = datetime.fromisoformat(text if len(text) > 7 else f"{text}-01-01"[:10])
    except ValueError:
        raise _invalid(attribute, "expected an ISO 8601 date") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _date(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    return {"value": _moment(attribute, value).strftime("%Y-%m-%d")}


def _timestamp(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    return {"value": _moment(attribute, value).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")}


def _domain(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    text = str(_unwrapped(value, "domain")).lower()
    domain = re.sub(r"^https?://", "", text).partition("/")[0]
    if not _DOMAIN.fullmatch(domain):
        raise _invalid(attribute, "expected a domain")
    return {"domain": domain, "root_domain": ".".join(domain.split(".")[-2:])}


def _email(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    text = str(_unwrapped(value, "email_address"))
    if not _EMAIL.fullmatch(text):
        raise _invalid(attribute, "expected an email address")
    local, _, domain = text.lower().partition("@")
    root = ".".join(domain.split(".")[-2:])
    parts = {"email_domain": domain, "email_root_domain": root, "email_local_specifier": local}
    return {"email_address": text.lower(), "original_email_address": text, **parts}


def _phone(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    given = cast("dict[str, Json]", value) if isinstance(value, dict) else {"original_phone_number": value, "country_code": None}
    original = str(given.get("original_phone_number"))
    digits = re.sub(r"[\s().-]", "", original)
    if not _PHONE.fullmatch(digits):
        raise _invalid(attribute, "expected a phone number with its country code")
    country = given.get("country_code") or ("US" if digits.startswith("+1") else "DE")
    return {"original_phone_number": original, "country_code": country, "phone_number": digits}


def _name(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    if isinstance(value, str):
        # "Last, First"; a text without a comma is a first name.
        last, comma, first = value.partition(",")
        first, last = (first.strip(), last.strip()) if comma else (value.strip(), "")
        return {"first_name": first, "last_name": last, "full_name": f"{first} {last}".strip()}
    if not isinstance(value, dict) or set(cast("dict[str, Json]", value)) != {"first_name", "last_name", "full_name"}:
        raise _invalid(attribute, "expected first_name, last_name and full_name")
    return {**value}


def _location(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    if isinstance(value, str):
        return {**dict.fromkeys(LOCATION), "line_1": value}
    if not isinstance(value, dict) or set(cast("dict[str, Json]", value)) != set(LOCATION):
        raise _invalid(attribute, "every property of a location must be specified")
    return {**value}


def _option(_workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    key = "option" if attribute.type == "select" else "status"
    said = _unwrapped(value, key)
    title = next((each for each in attribute.options if said in (each, id_for(attribute.owner, attribute.slug, each))), None)
    if title is None:
        raise refused(400, "value_not_found", f'Cannot find {attribute.type} attribute with {attribute.type} option title "{said}".')
    ids = {"attribute_id": attribute.id, f"{key}_id": id_for(attribute.owner, attribute.slug, title)}
    return {key: {"id": ids, "title": title, "is_archived": False}}


def _record(workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    allowed = attribute.objects or list(workspace.objects)
    if isinstance(value, str):
        return _record_by_unique(workspace, attribute, allowed, value)
    given = cast("dict[str, Json]", value) if isinstance(value, dict) else {}
    if set(given) != {"target_object", "target_record_id"}:
        raise _invalid(attribute, "expected target_object and target_record_id")
    target = workspace.object(str(given["target_object"]))
    if target.slug not in allowed or given["target_record_id"] not in target.items:
        raise refused(400, "value_not_found", f'Record with ID "{given["target_record_id"]}" not found.')
    return {"target_object": target.slug, "target_record_id": given["target_record_id"]}


def _record_by_unique(workspace: Workspace, attribute: Attribute, allowed: list[str], text: str) -> dict[str, Json]:
    for slug in allowed:
        for record in workspace.objects[slug].items.values():
            for name in ("domains", "email_addresses"):
                if any(text.lower() in (value.get("domain"), value.get("email_address")) for value in record.values.get(name, [])):
                    return {"target_object": slug, "target_record_id": record.id}
    raise refused(400, "value_not_found", f'No record was found for "{text}" of attribute "{attribute.slug}".')


def _actor(workspace: Workspace, attribute: Attribute, value: Json) -> dict[str, Json]:
    said = _unwrapped(value, "workspace_member_email_address")
    if isinstance(said, dict):
        given = cast("dict[str, Json]", said)
        if set(given) != {"referenced_actor_type", "referenced_actor_id"}:
            raise _invalid(attribute, "expected referenced_actor_type and referenced_actor_id")
        said = given["referenced_actor_id"]
        member = next((each for each in workspace.members if each.id == said), None)
    else:
        member = next((each for each in workspace.members if each.email == str(said).lower()), None)
    if member is None:
        raise refused(400, "value_not_found", f'Workspace member "{said}" not found.')
    return {"referenced_actor_type": "workspace-member", "referenced_actor_id": member.id}


_KINDS: dict[str, Callable[[Workspace, Attribute, Json], dict[str, Json]]] = {
    "text": _text,
    "number": _number,
    "rating": _rating,
    "currency": _currency,
    "checkbox": _checkbox,
    "date": _date,
    "timestamp": _timestamp,
    "domain": _domain,
    "email-address": _email,
    "phone-number": _phone,
    "personal-name": _name,
    "location": _location,
    "select": _option,
    "status": _option,
    "record-reference": _record,
    "actor-reference": _actor,
}
