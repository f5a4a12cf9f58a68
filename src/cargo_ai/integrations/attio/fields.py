"""The words of Attio's forms, and the schemas of what its actions give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.attio.attributes import RECORD_ID
from cargo_ai.integrations.kit import Form
from cargo_ai.integrations.kit.writes.fields import CrmFields, UpdateRecords, UpsertRecords

Json = Any
MultiSelect = Literal["replace", "add"]

FIELDS = CrmFields(
    service="Attio",
    word="attribute",
    objects="people, companies, deals, or a custom object, by its slug or id.",
    record_id=RECORD_ID,
    values="texts, numbers, true or false, or lists of these.",
    advice="With one that is unique, nothing is created twice.",
    read="Slugs of the attributes to give; by default all.",
)


def multi_select_field() -> Any:
    """What becomes of the values that are there."""
    return Field(
        default="replace",
        title="Lists",
        description="Of attributes with several values. replace: the values become those given; add: they are added to those there.",
    )


class OfObject(Form):
    """Something about records of an object."""

    object_type: str = FIELDS.object_type()


class Matching(OfObject):
    """A record, named by the value of an attribute."""

    matching_property_name: str = FIELDS.match_by()
    matching_value: Json = FIELDS.matching_value()


class Update(UpdateRecords):
    """Which records, and what they shall hold."""

    multi_select: MultiSelect = multi_select_field()


class Upsert(UpsertRecords):
    """Which record, and what it shall hold."""

    multi_select: MultiSelect = multi_select_field()


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
