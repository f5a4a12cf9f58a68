"""Forms: a Pydantic model gives the type, the JSON Schema and the uiSchema of a config, and reads one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.kernel.schemas.validation_errors import errors_of

Json = Any
JsonObject = dict[str, Json]

_UI = "ui"


class Form(BaseModel):
    """Base of forms: camelCase outside, snake_case inside; a field that it does not have is refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid", protected_namespaces=())


FormT = TypeVar("FormT", bound=BaseModel)


def secret_field(title: str, description: str | None = None, *, optional: bool = False) -> Any:
    """A field for a secret text: stored sealed, shown as `***`, entered unseen."""
    extra: JsonObject = {"writeOnly": True, _UI: {"widget": "password"}}
    if optional:
        return Field(default="", title=title, description=description, json_schema_extra=extra)
    return Field(title=title, description=description, min_length=1, json_schema_extra=extra)


def ui(**hints: Json) -> JsonObject:
    """`json_schema_extra` of a field with hints for the form: `ui(widget="ExpressionWidget")`."""
    return {_UI: hints}


def widget(slug: str, **params: str) -> JsonObject:
    """Hints for a field whose values the account knows. `params`: which fields beside it the autocomplete depends on."""
    return ui(widget="IntegrationAutocompleteWidget", options={"slug": slug, "params": _beside(params), "allowRefresh": True})


def account_fields(slug: str, *, items: Json = None, **params: str) -> JsonObject:
    """Hints for an object whose properties the account knows: the slug of its dynamic schema. `params`: as of an autocomplete. `items`: the
    options of a list's items, where a list may stand for the object."""
    options = {"slug": slug, "params": _beside(params), **({} if items is None else {"items": items})}
    return ui(widget="IntegrationDynamicSchemaWidget", options=options)


def _beside(params: Mapping[str, str]) -> JsonObject:
    return {name: f"$this.$parent.{field}" for name, field in params.items()}


Secret = Annotated[str, secret_field("Secret")]


def schema_of(form: type[BaseModel]) -> JsonObject:
    """The JSON Schema of a form, in one piece: without references, so that each property's schema can be read where it stands."""
    schema = form.model_json_schema(by_alias=True)
    return cast("JsonObject", _plain(schema, cast("JsonObject", schema.get("$defs", {})), ()))


def ui_schema_of(form: type[BaseModel]) -> JsonObject:
    """The uiSchema of a form: the hints of its fields, nested as the fields are."""
    schema = form.model_json_schema(by_alias=True)
    return _hints(_inlined(schema, cast("JsonObject", schema.get("$defs", {})), ()))


def read(form: type[FormT], config: Mapping[str, Json]) -> FormT:
    """The config as an instance of its form. InvalidConfig names every field that is wrong, and repeats no value."""
    try:
        return form.model_validate(config)
    except ValidationError as failure:
        errors = errors_of(failure, config)
        raise InvalidConfig("; ".join(f"`{error['path']}` {error['message']}" for error in errors[:10]) + ".") from None


def _inlined(value: Json, definitions: JsonObject, above: tuple[str, ...]) -> Json:
    if isinstance(value, list):
        return [_inlined(item, definitions, above) for item in cast("list[Json]", value)]
    if not isinstance(value, dict):
        return value
    entries = cast("JsonObject", value)
    reference = entries.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        if name in above:
            raise TypeError(f"a form cannot contain itself: {name}")
        entries = {**cast("JsonObject", definitions[name]), **{key: inner for key, inner in entries.items() if key != "$ref"}}
        above = (*above, name)
    return {key: _inlined(inner, definitions, above) for key, inner in entries.items() if key != "$defs"}


def _plain(schema: JsonObject, definitions: JsonObject, above: tuple[str, ...]) -> Json:
    return _without_hints(_inlined(schema, definitions, above))


def _without_hints(schema: Json) -> Json:
    """The schema without what is not JSON Schema; names of properties are left alone."""
    if isinstance(schema, list):
        return [_without_hints(item) for item in cast("list[Json]", schema)]
    if not isinstance(schema, dict):
        return schema
    plain: JsonObject = {}
    for key, value in cast("JsonObject", schema).items():
        if key in (_UI, "discriminator"):
            continue
        if key == "properties":
            plain[key] = {name: _without_hints(inner) for name, inner in cast("JsonObject", value).items()}
        elif key == "default":
            # That nothing is entered says nothing.
            plain |= {key: value} if value not in (None, "", [], {}) else {}
        elif key in ("const", "enum", "examples"):
            plain[key] = value
        else:
            plain[key] = _without_hints(value)
    return _nullable(plain)


def _nullable(schema: JsonObject) -> JsonObject:
    """A choice between a plain type and null as one type."""
    choices = cast("list[JsonObject]", schema.get("anyOf", []))
    others = [choice for choice in choices if choice != {"type": "null"}]
    if len(others) != 1 or len(choices) != 2 or not isinstance(others[0].get("type"), str) or "enum" in others[0]:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**others[0], **rest, "type": [others[0]["type"], "null"]}


def _hints(schema: JsonObject) -> JsonObject:
    hints: JsonObject = {f"ui:{name}": value for name, value in cast("JsonObject", schema.get(_UI, {})).items()}
    for word in ("anyOf", "oneOf", "allOf"):
        for branch in cast("list[JsonObject]", schema.get(word, [])):
            hints |= _hints(branch)
    for name, inner in cast("dict[str, JsonObject]", schema.get("properties", {})).items():
        if below := _hints(inner):
            hints[name] = below
    items = schema.get("items")
    if isinstance(items, dict) and (below := _hints(cast("JsonObject", items))):
        hints["items"] = below
    return hints
