"""Values: as people write them, and as Pipedrive keeps them: addresses and numbers in lists, choices by their ids, custom fields apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from cargo_ai.integrations.kit import InvalidConfig
from cargo_ai.integrations.pipedrive.custom_fields import CustomField, Names
from cargo_ai.integrations.pipedrive.objects import spelled

Json = Any
JsonObject = Mapping[str, Json]
_CONTACT = {"value", "primary", "label"}


def written_values(names: Names, values: JsonObject, record: JsonObject | None = None) -> dict[str, Json]:
    """The values as Pipedrive takes them. record: what there is; its other addresses and numbers stay. InvalidConfig: what cannot be."""
    body: dict[str, Json] = {}
    custom: dict[str, Json] = {}
    for name, value in values.items():
        field = names.custom(name)
        if field is not None:
            custom[field.code] = _custom(field, value)
        else:
            plain = spelled(name)
            if plain not in names.object.values:
                raise InvalidConfig(f"`mappings` names {name}, which Pipedrive sets itself.")
            body[plain] = _own(names.object.values[plain], plain, value, (record or {}).get(plain))
    return {**body, **({"custom_fields": custom} if custom else {})}


def _own(kind: str, name: str, value: Json, present: Json) -> Json:
    if value in (None, ""):
        return [] if kind in ("contacts", "list") else None
    if kind == "contacts":
        return _contacts(name, value, cast("list[JsonObject]", present) if isinstance(present, list) else [])
    if kind == "address":
        return cast("JsonObject", value) if isinstance(value, Mapping) else {"value": str(value)}
    if kind == "list" and not isinstance(value, list):
        return [value]
    return int(value) if kind == "integer" and isinstance(value, str) and value.strip().isdigit() else cast("Json", value)


def _contacts(name: str, value: Json, present: Sequence[JsonObject]) -> Json:
    """Addresses or numbers: texts go in front of those that are there; objects, as Pipedrive has them, take their place."""
    given = cast("list[Json]", value) if isinstance(value, list) else [value]
    if all(isinstance(one, Mapping) for one in given):
        return given
    if not all(isinstance(one, str) and one.strip() for one in given):
        raise InvalidConfig(f"`mappings`: {name} takes texts, or objects {{value, primary, label}}.")
    texts = [str(one).strip() for one in given]
    if present and all(_has(present, text) for text in texts):
        return [*present]
    lowered = {text.lower() for text in texts}
    kept = [one for one in present if str(one.get("value")).lower() not in lowered]
    others = [{**{key: entry for key, entry in one.items() if key in _CONTACT}, "primary": False} for one in kept]
    return [*({"value": text, "primary": number == 0, "label": "work"} for number, text in enumerate(texts)), *others]


def _has(present: Sequence[JsonObject], text: str) -> bool:
    return any(str(one.get("value")).lower() == text.lower() for one in present)


def _custom(field: CustomField, value: Json) -> Json:
    if value in (None, ""):
        return None
    if field.type == "enum":
        return _option(field, value)
    if field.type == "set":
        return [_option(field, one) for one in (cast("list[Json]", value) if isinstance(value, list) else [value])]
    if field.type == "monetary" and not isinstance(value, Mapping):
        raise InvalidConfig(f"`mappings`: {field.name} is an amount of money: give {{value, currency}}.")
    return {"value": value} if field.type in ("address", "time") and isinstance(value, str) else cast("Json", value)


def _option(field: CustomField, value: Json) -> Json:
    if value in field.options.values():
        return value
    number = str(value).strip().lower()
    if number in field.options:
        return field.options[number]
    raise InvalidConfig(f"`mappings`: {field.name} has no choice {value!r}; it has {', '.join(field.labels[:20])}.")


def differs(record: JsonObject, body: JsonObject) -> bool:
    """Whether a record lacks one of the values, written as Pipedrive takes them."""
    custom = cast("JsonObject", record.get("custom_fields") or {})
    wanted = cast("JsonObject", body.get("custom_fields") or {})
    plain = [(record.get(name), value) for name, value in body.items() if name != "custom_fields"]
    return any(not _same(present, value) for present, value in (*plain, *((custom.get(code), value) for code, value in wanted.items())))


def _same(present: Json, value: Json) -> bool:
    if value in (None, []) and present in (None, [], ""):
        return True
    if isinstance(value, Mapping) and isinstance(present, Mapping):
        # Of an address Pipedrive also keeps the parts that it has found in it.
        wanted, had = cast("JsonObject", value), cast("JsonObject", present)
        return all(_same(had.get(name), part) for name, part in wanted.items())
    if isinstance(value, list) and isinstance(present, list):
        items, others = cast("list[Json]", value), cast("list[Json]", present)
        return len(items) == len(others) and all(_same(other, item) for other, item in zip(others, items, strict=True))
    if isinstance(value, (int, float)) and isinstance(present, (int, float)):
        return float(present) == float(value)
    return bool(present == value)


def shown(names: Names, record: JsonObject, wanted: Sequence[str] = ()) -> dict[str, Json]:
    """A record for people: custom fields stand beside the others. wanted: names of fields; by default all."""
    custom = cast("JsonObject", record.get("custom_fields") or {})
    if wanted:
        properties: dict[str, Json] = {}
        for name in wanted:
            field = names.custom(name)
            properties[name] = record.get(spelled(name)) if field is None else custom.get(field.code)
    else:
        properties = {**{name: value for name, value in record.items() if name not in ("id", "custom_fields")}, **custom}
    return {
        "id": str(record["id"]),
        "properties": properties,
        "createdAt": record.get("add_time"),
        "updatedAt": record.get("update_time"),
        "url": names.object.url(record["id"]),
    }
