"""Fields that the forms of several actions share, and the schemas of what they give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.hubspot.records import RECORD_ID
from cargo_ai.integrations.kit import Form, ui, widget
from cargo_ai.integrations.kit.writes import with_output

Json = Any


def object_type_field(title: str = "Object") -> Any:
    """The type of records: contacts, companies, deals, or a custom object."""
    description = "contacts, companies, deals, tickets, or a custom object by its id (2-…) or full name."
    return Field(title=title, description=description, min_length=1, max_length=200, json_schema_extra=widget("listObjects"))


def property_field(title: str, default: str | None = None, description: str | None = None) -> Any:
    """A property of the type of records that stands beside it."""
    hints = widget("listObjectProperties", objectType="objectType")
    if default is None:
        return Field(title=title, description=description, min_length=1, max_length=200, json_schema_extra=hints)
    return Field(default=default, title=title, description=description, min_length=1, max_length=200, json_schema_extra=hints)


def mappings_field() -> Any:
    """The values to write."""
    hints = ui(options={"items": widget("listObjectProperties", objectType="objectType")["ui"]["options"]})
    return Field(
        title="Values",
        description="[{propertyName, value}] or {property: value}. Values are texts, numbers, true or false, or lists of choices.",
        json_schema_extra=hints,
    )


def properties_field() -> Any:
    """Which properties are read."""
    return Field(
        default=[], title="Properties", description="Names of the properties to read; by default HubSpot's usual ones.", max_length=500
    )


class OfObject(Form):
    """Something about records of a type."""

    object_type: str = object_type_field()


class Matching(OfObject):
    """A record, named by the value of a property."""

    matching_property_name: str = property_field(
        "Match by", RECORD_ID, "The property that names the record; by default its id. One that is unique makes it fast and safe."
    )
    matching_value: Json = Field(title="Value to match", description="The value of that property.")


WRITTEN: Mapping[str, Json] = with_output(
    recordIds={"type": "array", "items": {"type": "string"}, "description": "All records that the row concerns."}
)
RECORD: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "properties": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        "createdAt": {"type": ["string", "null"]},
        "updatedAt": {"type": ["string", "null"]},
        "archived": {"type": ["boolean", "null"]},
        "url": {"type": ["string", "null"]},
    },
    "required": ["id", "properties"],
}
"""The schema of a record in outputs."""
