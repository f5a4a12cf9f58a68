"""What forms offer: objects, their fields, pipelines and stages; and the schema of an object's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.kit import Answer, Autocomplete, Choice, DynamicSchema, FormRequest, Service, cursor, items_of, narrowed
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.pipedrive.custom_fields import SEARCHABLE, CustomField, read_custom_fields
from cargo_ai.integrations.pipedrive.objects import OBJECTS, RECORD_ID, object_of

Json = Any
Params = Mapping[str, Json]
JsonObject = Mapping[str, Json]

_OBJECT = {
    "type": "object",
    "properties": {"objectType": {"type": "string", "minLength": 1, "maxLength": 200}},
    "required": ["objectType"],
    "additionalProperties": False,
}
_TYPES: Mapping[str, JsonObject] = {
    "text": {"type": ["string", "null"]},
    "number": {"type": ["number", "null"]},
    "integer": {"type": ["integer", "string", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"]},
    "list": {"type": ["array", "null"]},
    "contacts": {"type": ["string", "array", "null"], "description": "A text, a list of texts, or a list of {value, primary, label}."},
    "address": {"type": ["string", "object", "null"]},
    "object": {"type": ["object", "null"]},
}
_CUSTOM: Mapping[str, str] = {
    "double": "number",
    "int": "integer",
    "monetary": "object",
    "address": "address",
    "time": "address",
    "set": "list",
}


async def _objects(_request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    return narrowed((Choice(name.capitalize(), name) for name in OBJECTS), typed)


async def _properties(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    of = object_of(str(params["objectType"]))
    own = [Choice(_title(name), name) for name in of.values]
    return narrowed([*own, *map(_choice, await read_custom_fields(request.service, of))], typed)


async def _unique(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    of = object_of(str(params["objectType"]))
    own = [Choice(_title(name), name) for name in (RECORD_ID, *of.searched)]
    custom: Sequence[CustomField] = await read_custom_fields(request.service, of) if of.searched else ()
    return narrowed([*own, *(_choice(field) for field in custom if field.type in SEARCHABLE)], typed)


def _choice(field: CustomField) -> Choice:
    return Choice(field.name, field.code, field.description or None)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


async def _all(service: Service, path: str) -> list[JsonObject]:
    async def fetch(after: str | None) -> Answer:
        return await service.get(path, query={"limit": 500, "cursor": after})

    return [one async for one in items_of(cursor(fetch, items="data", next="additional_data.next_cursor"))]


async def _pipelines(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    return narrowed((Choice(str(one["name"]), one["id"]) for one in await _all(request.service, "/pipelines")), typed)


async def _stages(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    names = {one["id"]: str(one["name"]) for one in await _all(request.service, "/pipelines")}
    stages = await _all(request.service, "/stages")
    return narrowed((Choice(str(one["name"]), one["id"], names.get(next(at(one, "pipeline_id"), None))) for one in stages), typed)


async def _record_schema(request: FormRequest, params: Params) -> tuple[JsonObject, JsonObject]:
    """The values that records of an object can be given."""
    of = object_of(str(params["objectType"]))
    properties: dict[str, Json] = {name: {"title": _title(name), **_TYPES[kind]} for name, kind in of.values.items()}
    for field in await read_custom_fields(request.service, of):
        properties[field.code] = _schema_of(field)
    return {"type": "object", "properties": properties, "additionalProperties": False}, {}


def _schema_of(field: CustomField) -> JsonObject:
    about = {"title": field.name, **({"description": field.description} if field.description else {})}
    labels = list(dict.fromkeys(field.labels))
    if field.type == "set":
        return {**about, "type": "array", "items": {"type": "string", **({"enum": labels} if labels else {})}, "uniqueItems": True}
    if field.type == "enum" and labels:
        return {**about, "enum": [*labels, None]}
    return {**_TYPES[_CUSTOM.get(field.type, "text")], **about}


AUTOCOMPLETES: Mapping[str, Autocomplete] = {
    "listObjects": Autocomplete(_objects),
    "listObjectProperties": Autocomplete(_properties, _OBJECT),
    "listUniqueProperties": Autocomplete(_unique, _OBJECT),
    "listPipelines": Autocomplete(_pipelines),
    "listStages": Autocomplete(_stages),
}
SCHEMAS_OF_FORMS: Mapping[str, DynamicSchema] = {"recordProperties": DynamicSchema(_record_schema, _OBJECT)}
