"""Forms: one Pydantic model is the type, the JSON Schema and the uiSchema of a config."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from cargo_ai.integrations.kit import Form, InvalidConfig, Secret, read, schema_of, ui, ui_schema_of


class Mapping(Form):
    property_name: str
    value: str = Field(json_schema_extra=ui(widget="ExpressionWidget"))


class Upsert(Form):
    object_type: Literal["contacts", "companies"]
    mappings: list[Mapping] = Field(min_length=1)
    limit: int | None = Field(default=None, ge=1)
    token: Secret | None = None


def test_a_schema_has_no_references_and_no_hints_for_the_form() -> None:
    schema = schema_of(Upsert)
    assert "$defs" not in schema and schema["additionalProperties"] is False
    item = schema["properties"]["mappings"]["items"]
    assert item["properties"]["value"] == {"title": "Value", "type": "string"}
    assert schema["required"] == ["objectType", "mappings"]


def test_an_optional_field_has_two_types() -> None:
    assert schema_of(Upsert)["properties"]["limit"] == {"title": "Limit", "type": ["integer", "null"], "minimum": 1}
    assert schema_of(Upsert)["properties"]["token"]["writeOnly"] is True


def test_hints_are_nested_as_the_fields_are() -> None:
    assert ui_schema_of(Upsert)["mappings"] == {"items": {"value": {"ui:widget": "ExpressionWidget"}}}


def test_a_config_is_read_as_its_form() -> None:
    upsert = read(Upsert, {"objectType": "contacts", "mappings": [{"propertyName": "email", "value": "a@b.c"}]})
    assert upsert.mappings[0].property_name == "email"


def test_a_wrong_config_is_refused_with_each_field_and_no_value() -> None:
    with pytest.raises(InvalidConfig) as refused:
        read(Upsert, {"objectType": "deals", "mappings": [], "token": 4711, "extra": 1})
    text = str(refused.value)
    assert "`objectType` must be one of contacts, companies" in text and "`mappings` must not be empty" in text and "`extra`" in text
    assert "4711" not in text


class Node(Form):
    below: Node | None = None


def test_a_form_that_contains_itself_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="cannot contain itself"):
        schema_of(Node)
