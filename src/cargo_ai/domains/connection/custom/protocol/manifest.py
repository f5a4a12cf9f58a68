"""Manifests: what a server that speaks the protocol announces, checked before any of it is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.custom.foreign_schema import Unusable, pointed
from cargo_ai.engine.graph.action import Hint, Idempotency

Json = Any
JsonObject = dict[str, Json]

LARGEST = 1024 * 1024
MAX_ACTIONS = 200
MAX_PARTS = 100
EXPRESSION = "#/definitions/expression"
"""What fields that take any expression refer to; the host supplies it."""

Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Text = Annotated[str, StringConstraints(max_length=5_000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

_SECRET_NAME = re.compile(r"(^|_)(key|token|secret|password)(_|$)", re.IGNORECASE)


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", protected_namespaces=())


class FormPart(_Part):
    """The form of a config."""

    json_schema: JsonObject = Field(default_factory=dict, validation_alias=AliasChoices("jsonSchema", "schema"))
    ui_schema: JsonObject = Field(default_factory=dict)


class RateLimit(_Part):
    """The most calls per unit of time."""

    unit: Literal["day", "hour", "minute", "second"]
    max: Annotated[int, Field(ge=1, le=1_000_000)]
    strategy: Literal["spread", "burst"] = "spread"


class Pace(_Part):
    """How often an action that is executing is asked again; milliseconds."""

    maximum_attempts: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    initial_interval: Annotated[float, Field(ge=0, le=86_400_000)] = 5_000
    backoff_coefficient: Annotated[float, Field(ge=1, le=100)] = 1.5


class Executing(_Part):
    """How an action that is executing is asked again."""

    retry: Pace = Pace()


class Child(_Part):
    """One way on from an action."""

    text: Name


class ActionPart(_Part):
    """One action. idempotency, awaits, hint: ours; without them an action is taken to honour the key that it is given."""

    name: Name
    description: Text = ""
    config: FormPart = FormPart()
    output: JsonObject | None = None
    rate_limits: Annotated[list[RateLimit], Field(max_length=10)] = []
    executing: Executing = Executing()
    children: Annotated[list[Child], Field(max_length=50)] = []
    hint: Hint | None = None
    idempotency: Idempotency = "key"
    awaits: bool = False


class AccountPart(_Part):
    """What accounts are made of."""

    config: FormPart = FormPart()
    rate_limit: RateLimit | None = None


class Mode(_Part):
    """How a list is read."""

    kind: str = "fetch"
    is_incremental: bool = False
    min_interval_in_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = 60


class ExtractorPart(_Part):
    """One list that fills models. is_counted, tells_removals, has_all: ours; without them little is taken for granted."""

    name: Name
    description: Text = ""
    config: FormPart = FormPart()
    mode: Mode = Mode()
    is_counted: bool = False
    tells_removals: bool = False
    has_all: bool = False


class Params(_Part):
    """Params of a choice or a schema."""

    json_schema: JsonObject = Field(default_factory=dict, validation_alias=AliasChoices("jsonSchema", "schema"))


class AutocompletePart(_Part):
    """Choices of a field."""

    slug: Slug
    params: Params = Params()


class Manifest(_Part):
    """All that a server announces."""

    name: Name
    description: Text = ""
    icon: Annotated[str, StringConstraints(max_length=100_000)] = ""
    color: Annotated[str, StringConstraints(max_length=100)] = ""
    url: Annotated[str, StringConstraints(max_length=2_000)] = ""
    connector: AccountPart = AccountPart()
    actions: Annotated[dict[Slug, ActionPart], Field(max_length=MAX_ACTIONS)]
    extractors: Annotated[dict[Slug, ExtractorPart], Field(max_length=MAX_PARTS)] = {}
    autocompletes: Annotated[list[AutocompletePart], Field(max_length=MAX_PARTS)] = []
    dynamic_schemas: Annotated[list[AutocompletePart], Field(max_length=MAX_PARTS)] = []


def read(document: Json) -> Manifest:
    """A manifest with self-contained schemas. Unusable says where it is not one; the first fault decides."""
    if not isinstance(document, Mapping):
        raise Unusable("", "a manifest is a JSON object")
    if len(json.dumps(document)) > LARGEST:
        raise Unusable("", f"a manifest has at most {LARGEST // 1024} KB")
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as failure:
        fault = failure.errors(include_url=False, include_input=False)[0]
        raise Unusable(pointed("", *(part for part in fault["loc"] if part != "[key]")), fault["msg"]) from None
    # Parts that are not plain yet are found by their place in what was read.
    plain = cast("JsonObject", json.loads(json.dumps(manifest.model_dump(mode="json", by_alias=True))))
    size = 0
    for pointer, place, key in _schemas(plain):
        if place[key] is not None:
            place[key] = _plain(place[key], document, pointer)
            size += len(json.dumps(place[key]))
            if size > LARGEST:
                raise Unusable(pointer, f"with its references followed, the forms of a manifest have at most {LARGEST // 1024} KB")
    _mark_secrets(plain["connector"]["config"])
    return Manifest.model_validate(plain)


def _schemas(manifest: JsonObject) -> Iterator[tuple[str, JsonObject, str]]:
    """Where the schemas are: a pointer, the object that holds one, and its key there."""
    yield "/connector/config/jsonSchema", manifest["connector"]["config"], "jsonSchema"
    for slug, action in cast("dict[str, JsonObject]", manifest["actions"]).items():
        yield pointed("/actions", slug, "config", "jsonSchema"), action["config"], "jsonSchema"
        yield pointed("/actions", slug, "output"), action, "output"
    for slug, extractor in cast("dict[str, JsonObject]", manifest["extractors"]).items():
        yield pointed("/extractors", slug, "config", "jsonSchema"), extractor["config"], "jsonSchema"
    for key in ("autocompletes", "dynamicSchemas"):
        for position, part in enumerate(cast("list[JsonObject]", manifest[key])):
            yield pointed("", key, position, "params", "jsonSchema"), part["params"], "jsonSchema"


def _definitions(table: Json) -> JsonObject:
    definitions = cast("JsonObject", table).get("definitions")
    return cast("JsonObject", definitions) if isinstance(definitions, dict) else {}


def _plain(schema: JsonObject, document: Json, pointer: str) -> JsonObject:
    # A schema's references are its own, or those of the whole document.
    definitions: JsonObject = {**_definitions(document), **_definitions(schema), "expression": {}}
    root: JsonObject = {**cast("JsonObject", document), **schema, "definitions": definitions}
    plain = foreign_schema.plain(schema.get("schema", schema) if pointer.endswith("/output") else schema, root, pointer)
    foreign_schema.validator(plain, pointer)
    return plain


def _mark_secrets(form: JsonObject) -> None:
    """Fields of an account that are entered unseen, or whose names say that they are secrets, are secrets."""
    hints = cast("JsonObject", form["uiSchema"])
    for name, schema in cast("dict[str, Json]", form["jsonSchema"].get("properties", {})).items():
        if isinstance(schema, dict):
            hint = hints.get(name)
            unseen = isinstance(hint, Mapping) and cast("JsonObject", hint).get("ui:widget") == "password"
            spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
            if unseen or cast("JsonObject", schema).get("format") == "password" or _SECRET_NAME.search(spaced):
                schema["writeOnly"] = True
