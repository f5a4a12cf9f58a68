"""What forms offer: objects, their attributes and options, lists, members; and the schema of an object's attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from cargo_ai.integrations.attio.attributes import Attribute, Target, read_attributes
from cargo_ai.integrations.attio.records import data_of
from cargo_ai.integrations.attio.values import LOCATION
from cargo_ai.integrations.kit import Autocomplete, Choice, DynamicSchema, FormRequest, Service, narrowed, segment

Json = Any
Params = Mapping[str, Json]
JsonObject = Mapping[str, Json]

MAX_LISTED_OPTIONS = 30
"""Of how many attributes a form shows the options: each takes a call."""


def _params(*names: str) -> JsonObject:
    text = {"type": "string", "minLength": 1, "maxLength": 200}
    return {"type": "object", "properties": dict.fromkeys(names, text), "required": [*names], "additionalProperties": False}


async def _listed(service: Service, path: str) -> list[JsonObject]:
    return cast("list[JsonObject]", data_of(await service.get(path), list))


async def _objects(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    objects = await _listed(request.service, "/objects")
    return narrowed([Choice(str(one.get("plural_noun") or one["api_slug"]), str(one["api_slug"])) for one in objects], typed)


def _attributes(target: Target, param: str, choose: Callable[[Attribute], bool]) -> Callable[[FormRequest, Params, str | None], Any]:
    async def perform(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
        attributes = await read_attributes(request.service, str(params[param]), target=target)
        return narrowed([Choice(one.title, one.slug, _kind_of(one)) for one in attributes if choose(one)], typed)

    return perform


def _any(_attribute: Attribute) -> bool:
    return True


def _is_unique(attribute: Attribute) -> bool:
    return attribute.is_unique


def _kind_of(attribute: Attribute) -> str:
    notes = [attribute.type]
    notes += ["several values"] if attribute.is_multiselect else []
    notes += ["unique"] if attribute.is_unique else []
    notes += [] if attribute.is_writable else ["read only"]
    return ", ".join(notes)


async def _options(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    name = str(params["propertyName"])
    attribute = (await read_attributes(request.service, str(params["objectType"]))).get(name)
    titles = [] if attribute is None else await _titles(request.service, str(params["objectType"]), attribute)
    return narrowed([Choice(title, title) for title in titles], typed)


async def _titles(service: Service, object_type: str, attribute: Attribute) -> list[str]:
    """The options of an attribute, which are written by their titles."""
    kind = {"select": "options", "status": "statuses"}.get(attribute.type)
    if kind is None:
        return []
    options = await _listed(service, f"/objects/{segment(object_type)}/attributes/{segment(attribute.slug)}/{kind}")
    return list(dict.fromkeys(str(option["title"]) for option in options if not option.get("is_archived")))


async def _lists(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    lists = await _listed(request.service, "/lists")
    parents = [", ".join(cast("list[str]", one.get("parent_object") or [])) for one in lists]
    return narrowed(
        [Choice(str(one["name"]), str(one["api_slug"]), f"of {parent}") for one, parent in zip(lists, parents, strict=True)], typed
    )


async def _members(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    choices: list[Choice] = []
    for member in await _listed(request.service, "/workspace_members"):
        name = " ".join(str(member.get(part) or "") for part in ("first_name", "last_name")).strip()
        email = str(member.get("email_address") or "")
        choices.append(Choice(name or email, str(member["id"]["workspace_member_id"]), email))
    return narrowed(choices, typed)


_TYPES: Mapping[str, JsonObject] = {
    "number": {"type": ["number", "string"]},
    "currency": {"type": ["number", "string"]},
    "rating": {"type": "integer", "minimum": 0, "maximum": 5},
    "checkbox": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string"},
    "location": {
        "anyOf": [{"type": "string"}, {"type": "object", "properties": {part: {"type": ["string", "null"]} for part in LOCATION}}],
    },
    "record-reference": {"type": ["string", "object"]},
    "actor-reference": {"type": ["string", "object"]},
    "personal-name": {"type": ["string", "object"]},
    "phone-number": {"type": ["string", "object"]},
}
_NOTES: Mapping[str, str] = {
    "record-reference": "A record's id, or a unique value of it, such as a company's domain.",
    "actor-reference": "The id or the e-mail address of a member of the workspace.",
    "personal-name": "First and last name, or {first_name, last_name, full_name}.",
    "phone-number": "With the country's number, as in +49….",
}


async def _record_schema(request: FormRequest, params: Params) -> tuple[JsonObject, JsonObject]:
    """The values that records of an object can be given."""
    object_type = str(params["objectType"])
    properties: dict[str, Json] = {}
    required: list[str] = []
    listed = 0
    for attribute in await read_attributes(request.service, object_type):
        if not attribute.is_writable:
            continue
        titles: list[str] = []
        if attribute.type in ("select", "status") and listed < MAX_LISTED_OPTIONS:
            listed += 1
            titles = await _titles(request.service, object_type, attribute)
        properties[attribute.slug] = _schema_of(attribute, titles)
        required += [attribute.slug] if attribute.is_required else []
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}, {}


def _schema_of(attribute: Attribute, titles: Sequence[str]) -> JsonObject:
    value = {"type": "string", "enum": [*titles]} if titles else _TYPES.get(attribute.type, {"type": "string"})
    description = " ".join(part for part in (attribute.description, _NOTES.get(attribute.type, "")) if part)
    about = {"title": attribute.title, **({"description": description} if description else {})}
    return {**about, "type": "array", "items": value, "uniqueItems": True} if attribute.is_multiselect else {**value, **about}


AUTOCOMPLETES: Mapping[str, Autocomplete] = {
    "listObjects": Autocomplete(_objects),
    "listObjectProperties": Autocomplete(_attributes("objects", "objectType", _any), _params("objectType")),
    "listUniqueProperties": Autocomplete(_attributes("objects", "objectType", _is_unique), _params("objectType")),
    "listOptions": Autocomplete(_options, _params("objectType", "propertyName")),
    "listLists": Autocomplete(_lists),
    "listListProperties": Autocomplete(_attributes("lists", "listId", _any), _params("listId")),
    "listMembers": Autocomplete(_members),
}
SCHEMAS_OF_FORMS: Mapping[str, DynamicSchema] = {"recordProperties": DynamicSchema(_record_schema, _params("objectType"))}
