"""What forms offer: object types, properties, pipelines and their stages, owners, lists; and the schema of a type's properties."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, cast

from cargo_ai.integrations.hubspot.records import results_of
from cargo_ai.integrations.hubspot.versions import LISTS, OWNERS, PIPELINES, PROPERTIES, SCHEMAS
from cargo_ai.integrations.kit import (
    Answer,
    Autocomplete,
    Choice,
    DynamicSchema,
    FormRequest,
    Service,
    ServiceError,
    cursor,
    items_of,
    narrowed,
    segment,
)
from cargo_ai.integrations.kit.autocomplete import MAX_CHOICES
from cargo_ai.integrations.kit.lists.paging import offset

Json = Any
Params = Mapping[str, Json]
JsonObject = Mapping[str, Json]

_STANDARD = (("contacts", "Contacts"), ("companies", "Companies"), ("deals", "Deals"), ("tickets", "Tickets"))
_OBJECT_TYPE: JsonObject = {"type": "string", "minLength": 1, "maxLength": 200}
_OF_OBJECT: JsonObject = {
    "type": "object",
    "properties": {"objectType": _OBJECT_TYPE},
    "required": ["objectType"],
    "additionalProperties": False,
}
_OF_PIPELINE: JsonObject = {
    **_OF_OBJECT,
    "properties": {"objectType": _OBJECT_TYPE, "pipeline": {"type": "string", "minLength": 1}},
    "required": ["objectType", "pipeline"],
}


async def _objects(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    choices = [Choice(label, value) for value, label in _STANDARD]
    try:
        schemas = results_of(await request.service.get(SCHEMAS))
    except ServiceError as error:
        # A key without the scope for custom objects can still work with the others.
        if error.status != 403:
            raise
        schemas = []
    for schema in schemas:
        labels = cast("JsonObject", schema.get("labels") or {})
        choices.append(Choice(str(labels.get("plural") or schema.get("name")), str(schema["objectTypeId"]), "Custom object"))
    return narrowed(choices, typed)


async def properties_of(service: Service, object_type: str) -> list[JsonObject]:
    """The properties of a type that people see, by label."""
    properties = results_of(await service.get(f"{PROPERTIES}/{segment(object_type)}"))
    visible = [one for one in properties if not one.get("hidden") and not one.get("archived")]
    return sorted(visible, key=lambda one: str(one.get("label") or one.get("name")).lower())


def is_read_only(definition: JsonObject) -> bool:
    """Whether HubSpot sets the property itself."""
    return bool(cast("JsonObject", definition.get("modificationMetadata") or {}).get("readOnlyValue"))


def _properties(choose: Callable[[JsonObject], bool]) -> Callable[[FormRequest, Params, str | None], Any]:
    async def perform(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
        properties = [one for one in await properties_of(request.service, str(params["objectType"])) if choose(one)]
        return narrowed([Choice(str(one.get("label") or one["name"]), str(one["name"]), _kind_of(one)) for one in properties], typed)

    return perform


def _kind_of(definition: JsonObject) -> str:
    notes = [str(definition.get("type"))]
    notes += ["unique"] if definition.get("hasUniqueValue") else []
    notes += ["read only"] if is_read_only(definition) else []
    return ", ".join(notes)


def _identifies(definition: JsonObject) -> bool:
    return bool(definition.get("hasUniqueValue")) or definition.get("name") == "email"


async def _pipelines(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    answer = await request.service.get(f"{PIPELINES}/{segment(params['objectType'])}")
    return narrowed([Choice(str(one["label"]), str(one["id"])) for one in results_of(answer)], typed)


async def _stages(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    answer = await request.service.get(f"{PIPELINES}/{segment(params['objectType'])}")
    pipelines = [one for one in results_of(answer) if one["id"] == params["pipeline"]]
    stages = [stage for one in pipelines for stage in cast("list[JsonObject]", one.get("stages") or [])]
    return narrowed([Choice(str(stage["label"]), str(stage["id"])) for stage in stages], typed)


async def _owners(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    async def fetch(after: str | None) -> Answer:
        return await request.service.get(OWNERS, query={"limit": 100, "after": after})

    choices: list[Choice] = []
    async for owner in _some(items_of(cursor(fetch, items="results", next="paging.next.after"))):
        name = " ".join(str(owner.get(part) or "") for part in ("firstName", "lastName")).strip()
        choices.append(Choice(name or str(owner.get("email")), str(owner["id"]), str(owner.get("email") or "")))
    return narrowed(choices, typed)


async def _lists(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    async def fetch(start: int) -> Answer:
        query = {"query": typed or "", "offset": start, "count": 100, "processingTypes": ["MANUAL", "SNAPSHOT"]}
        return await request.service.post(f"{LISTS}/search", json=query, reads=True)

    lists = _some(items_of(offset(fetch, items="lists", size=100, total="total")))
    return [Choice(str(one.get("name")), str(one["listId"]), str(one.get("objectTypeId") or "")) async for one in lists]


async def _some(items: AsyncIterator[JsonObject]) -> AsyncIterator[JsonObject]:
    """As many as are offered at most."""
    count = 0
    async for item in items:
        yield item
        count += 1
        if count >= MAX_CHOICES:
            return


_TYPES: Mapping[str, JsonObject] = {
    "number": {"type": ["number", "string"]},
    "bool": {"type": ["boolean", "string"]},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}


async def _record_schema(request: FormRequest, params: Params) -> tuple[JsonObject, JsonObject]:
    """The values that records of a type can be given."""
    properties: dict[str, Json] = {}
    for definition in await properties_of(request.service, str(params["objectType"])):
        if not is_read_only(definition):
            properties[str(definition["name"])] = _schema_of(definition)
    return {"type": "object", "properties": properties, "additionalProperties": False}, {}


def _schema_of(definition: JsonObject) -> JsonObject:
    schema: dict[str, Json] = {"title": str(definition.get("label") or definition["name"])}
    if definition.get("description"):
        schema["description"] = str(definition["description"])
    options = [one for one in cast("list[JsonObject]", definition.get("options") or []) if not one.get("hidden")]
    if definition.get("type") != "enumeration" or not options:
        return {**schema, **_TYPES.get(str(definition.get("type")), {"type": "string"})}
    choices: JsonObject = {
        "type": "string",
        "oneOf": [{"const": one["value"], "title": one.get("label") or one["value"]} for one in options],
    }
    if definition.get("fieldType") == "checkbox":
        return {**schema, "type": "array", "items": choices, "uniqueItems": True}
    return {**schema, **choices}


AUTOCOMPLETES: Mapping[str, Autocomplete] = {
    "listObjects": Autocomplete(_objects),
    "listObjectProperties": Autocomplete(_properties(lambda _definition: True), _OF_OBJECT),
    "listUniqueProperties": Autocomplete(_properties(_identifies), _OF_OBJECT),
    "listPipelines": Autocomplete(_pipelines, _OF_OBJECT),
    "listPipelineStages": Autocomplete(_stages, _OF_PIPELINE),
    "listOwners": Autocomplete(_owners),
    "listLists": Autocomplete(_lists),
}
SCHEMAS_OF_FORMS: Mapping[str, DynamicSchema] = {"recordProperties": DynamicSchema(_record_schema, _OF_OBJECT)}
