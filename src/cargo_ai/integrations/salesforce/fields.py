"""Fields that the forms of several actions share, and the schemas of what they give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form, ui, widget
from cargo_ai.integrations.kit.writes import with_output
from cargo_ai.integrations.salesforce.describe import RECORD_ID

Json = Any


def object_type_field() -> Any:
    """The type of records."""
    description = "The API name: Account, Contact, Lead, Opportunity, or a custom object as Project__c."
    return Field(title="Object", description=description, min_length=1, max_length=80, json_schema_extra=widget("listObjects"))


def property_field(title: str, default: str | None = None, description: str | None = None, slug: str = "listObjectProperties") -> Any:
    """A field of the type of records that stands beside it."""
    hints = widget(slug, objectType="objectType")
    if default is None:
        return Field(title=title, description=description, min_length=1, max_length=80, json_schema_extra=hints)
    return Field(default=default, title=title, description=description, min_length=1, max_length=80, json_schema_extra=hints)


def mappings_field() -> Any:
    """The values to write."""
    hints = ui(options={"items": widget("listObjectProperties", objectType="objectType")["ui"]["options"]})
    return Field(
        title="Values",
        description="[{propertyName, value}] or {field: value}. Values are texts, numbers, true or false, lists of choices, or a parent by "
        "an external id of its own: {Account: {Domain__c: …}}.",
        json_schema_extra=hints,
    )


def properties_field() -> Any:
    """Which fields are read."""
    description = "Fields to read, also of parents as Account.Name; by default the record's name and times."
    return Field(default=[], title="Fields", description=description, max_length=200)


def write_nulls_field() -> Any:
    """Whether nothing overwrites something."""
    return Field(default=False, title="Clear", description="Whether null and empty texts clear the field in Salesforce.")


class OfObject(Form):
    """Something about records of a type."""

    object_type: str = object_type_field()


class Matching(OfObject):
    """A record, named by the value of a field."""

    matching_property_name: str = property_field("Match by", RECORD_ID, "The field that names the record; by default its id.")
    matching_value: Json = Field(title="Value to match", description="The value of that field.")


WRITTEN: Mapping[str, Json] = with_output(
    recordIds={"type": "array", "items": {"type": "string"}, "description": "All records that the row concerns."}
)
RECORD: Mapping[str, Json] = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "properties": {"type": "object"}, "url": {"type": ["string", "null"]}},
    "required": ["id", "properties"],
}
"""The schema of a record in outputs."""
