"""What forms offer: objects, their fields, external ids, choices of picklists; and the schema of an object's fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from cargo_ai.integrations.kit import Autocomplete, Choice, DynamicSchema, FormRequest, narrowed
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.salesforce.describe import describe
from cargo_ai.integrations.salesforce.values import NUMBERS, checked_name
from cargo_ai.integrations.salesforce.versions import SOBJECTS

Json = Any
Params = Mapping[str, Json]
JsonObject = Mapping[str, Json]

_NAME: JsonObject = {"type": "string", "minLength": 1, "maxLength": 80}
_OF_OBJECT: JsonObject = {
    "type": "object",
    "properties": {"objectType": _NAME},
    "required": ["objectType"],
    "additionalProperties": False,
}
_OF_FIELD: JsonObject = {
    **_OF_OBJECT,
    "properties": {"objectType": _NAME, "propertyName": _NAME},
    "required": ["objectType", "propertyName"],
}


async def _objects(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    answer = await request.service.get(SOBJECTS)
    objects = [one for one in at(answer.body, "sobjects.*") if one.get("queryable") and not one.get("deprecatedAndHidden")]
    choices = [Choice(str(one.get("label") or one["name"]), str(one["name"]), _kind_of_object(one)) for one in objects]
    return narrowed(sorted(choices, key=lambda choice: choice.label.lower()), typed)


def _kind_of_object(definition: JsonObject) -> str:
    return "custom object" if definition.get("custom") else "" if definition.get("createable") else "read only"


async def _fields_of(request: FormRequest, params: Params) -> list[JsonObject]:
    known = await describe(request.service, checked_name(str(params["objectType"]), "object"))
    return sorted(known.fields.values(), key=lambda one: str(one.get("label") or one["name"]).lower())


def _properties(choose: Callable[[JsonObject], bool]) -> Callable[[FormRequest, Params, str | None], Any]:
    async def perform(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
        fields = [one for one in await _fields_of(request, params) if choose(one)]
        return narrowed([Choice(str(one.get("label") or one["name"]), str(one["name"]), _kind_of(one)) for one in fields], typed)

    return perform


def _kind_of(definition: JsonObject) -> str:
    notes = [str(definition.get("type"))]
    notes += ["external id"] if definition.get("externalId") else []
    notes += ["read only"] if not _is_writable(definition) else []
    return ", ".join(notes)


def _is_writable(definition: JsonObject) -> bool:
    return bool(definition.get("createable") or definition.get("updateable"))


def _identifies(definition: JsonObject) -> bool:
    return bool(definition.get("externalId") or definition.get("idLookup"))


def _picklist(definition: JsonObject) -> list[JsonObject]:
    values = cast("list[JsonObject]", definition.get("picklistValues") or [])
    return [value for value in values if value.get("active", True)]


async def _picklist_values(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    known = await describe(request.service, checked_name(str(params["objectType"]), "object"))
    values = _picklist(known.wanted(str(params["propertyName"])))
    return narrowed([Choice(str(one.get("label") or one["value"]), str(one["value"])) for one in values], typed)


_TYPES: Mapping[str, JsonObject] = {
    **{kind: {"type": ["number", "string"]} for kind in NUMBERS},
    "boolean": {"type": ["boolean", "string"]},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}


async def _record_schema(request: FormRequest, params: Params) -> tuple[JsonObject, JsonObject]:
    """The values that records of an object can be given."""
    fields = [one for one in await _fields_of(request, params) if _is_writable(one)]
    return {"type": "object", "properties": {str(one["name"]): _schema_of(one) for one in fields}, "additionalProperties": False}, {}


def _schema_of(definition: JsonObject) -> JsonObject:
    schema: dict[str, Json] = {"title": str(definition.get("label") or definition["name"])}
    if definition.get("inlineHelpText"):
        schema["description"] = str(definition["inlineHelpText"])
    kind, values = str(definition.get("type")), _picklist(definition)
    # A list of choices that is not restricted takes other values as well.
    if kind in ("picklist", "multipicklist") and values and definition.get("restrictedPicklist"):
        choices: JsonObject = {
            "type": "string",
            "oneOf": [{"const": one["value"], "title": one.get("label") or one["value"]} for one in values],
        }
        return {**schema, "type": "array", "items": choices, "uniqueItems": True} if kind == "multipicklist" else {**schema, **choices}
    longest = definition.get("length")
    texts = {"type": "string", **({"maxLength": longest} if isinstance(longest, int) and longest > 0 else {})}
    return {**schema, **_TYPES.get(kind, texts)}


AUTOCOMPLETES: Mapping[str, Autocomplete] = {
    "listObjects": Autocomplete(_objects),
    "listObjectProperties": Autocomplete(_properties(lambda _definition: True), _OF_OBJECT),
    "listUniqueProperties": Autocomplete(_properties(_identifies), _OF_OBJECT),
    "listPicklistValues": Autocomplete(_picklist_values, _OF_FIELD),
}
SCHEMAS_OF_FORMS: Mapping[str, DynamicSchema] = {"recordProperties": DynamicSchema(_record_schema, _OF_OBJECT)}
