"""The words of Pipedrive's forms, and the schema of a record that its actions give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import Form
from cargo_ai.integrations.kit.writes.fields import CrmFields
from cargo_ai.integrations.pipedrive.objects import RECORD_ID

Json = Any

FIELDS = CrmFields(
    service="Pipedrive",
    word="field",
    objects="persons, organizations, deals or activities.",
    record_id=RECORD_ID,
    values="texts, numbers, true or false, lists, or objects as Pipedrive has them. Custom fields go by their name or their code.",
    advice="Persons are found by emails, phones or name, organizations by name or address, deals by title, all of these by custom fields.",
    read="Names or codes of the fields to give; by default all.",
    unique_properties="listUniqueProperties",
)


class OfObject(Form):
    """Something about records of a type."""

    object_type: str = FIELDS.object_type()


class Matching(OfObject):
    """A record, named by the value of a field."""

    matching_property_name: str = FIELDS.match_by()
    matching_value: Json = FIELDS.matching_value()


RECORD: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "properties": {"type": "object", "description": "Values by field; of custom fields by their code, or as asked for."},
        "createdAt": {"type": ["string", "null"]},
        "updatedAt": {"type": ["string", "null"]},
        "url": {"type": ["string", "null"]},
    },
    "required": ["id", "properties"],
}
"""The schema of a record in outputs."""
