"""Fields that the forms of several actions share, and the schemas of what they give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.attio.attributes import RECORD_ID
from cargo_ai.integrations.kit import Form, ui, widget
from cargo_ai.integrations.kit.writes import with_output

Json = Any
MultiSelect = Literal["replace", "add"]


def object_type_field(title: str = "Object") -> Any:
    """The kind of records: people, companies, deals, or a custom object."""
    description = "people, companies, deals, or a custom object, by its slug or id."
    return Field(title=title, description=description, min_length=1, max_length=200, json_schema_extra=widget("listObjects"))


def attribute_field(title: str, default: str | None = None, description: str | None = None) -> Any:
    """An attribute of the object that stands beside it."""
    hints = widget("listObjectProperties", objectType="objectType")
    if default is None:
        return Field(title=title, description=description, min_length=1, max_length=200, json_schema_extra=hints)
    return Field(default=default, title=title, description=description, min_length=1, max_length=200, json_schema_extra=hints)


def mappings_field() -> Any:
    """The values to write."""
    hints = ui(options={"items": widget("listObjectProperties", objectType="objectType")["ui"]["options"]})
    return Field(
        title="Values",
        description="[{propertyName, value}] or {property: value}. Values are texts, numbers, true or false, or lists of these.",
        json_schema_extra=hints,
    )


def properties_field() -> Any:
    """Which attributes are given."""
    return Field(default=[], title="Properties", description="Slugs of the attributes to give; by default all.", max_length=500)


def multi_select_field() -> Any:
    """What becomes of the values that are there."""
    return Field(
        default="replace",
        title="Lists",
        description="Of attributes with several values. replace: the values become those given; add: they are added to those there.",
    )


def write_nulls_field() -> Any:
    """Whether null clears."""
    return Field(default=False, title="Clear", description="Whether null and empty texts clear the value in Attio.")


class OfObject(Form):
    """Something about records of an object."""

    object_type: str = object_type_field()


class Matching(OfObject):
    """A record, named by the value of an attribute."""

    matching_property_name: str = attribute_field(
        "Match by", RECORD_ID, "The attribute that names the record; by default its id. One that is unique makes it safe."
    )
    matching_value: Json = Field(title="Value to match", description="The value of that attribute.")


WRITTEN: Mapping[str, Json] = with_output(
    recordIds={"type": "array", "items": {"type": "string"}, "description": "All records that the row concerns."}
)
RECORD: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "properties": {
            "type": "object",
            "description": "Plain values by attribute; null where Attio has no value.",
            "additionalProperties": True,
        },
        "createdAt": {"type": ["string", "null"]},
        "url": {"type": ["string", "null"]},
    },
    "required": ["id", "properties"],
}
"""The schema of a record in outputs."""
