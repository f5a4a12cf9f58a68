"""The words of HubSpot's forms, and the schemas of what its actions give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.hubspot.records import RECORD_ID
from cargo_ai.integrations.kit import Form
from cargo_ai.integrations.kit.writes.fields import CrmFields

Json = Any

FIELDS = CrmFields(
    service="HubSpot",
    word="property",
    objects="contacts, companies, deals, tickets, or a custom object by its id (2-…) or full name.",
    record_id=RECORD_ID,
    values="texts, numbers, true or false, or lists of choices.",
    advice="With one that is unique, nothing is created twice, and it is fast.",
    read="Names of the properties to read; by default HubSpot's usual ones.",
)


class OfObject(Form):
    """Something about records of a type."""

    object_type: str = FIELDS.object_type()


class Matching(OfObject):
    """A record, named by the value of a property."""

    matching_property_name: str = FIELDS.match_by()
    matching_value: Json = FIELDS.matching_value()


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
