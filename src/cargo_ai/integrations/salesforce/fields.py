"""The words of Salesforce's forms, and the schemas of what its actions give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import Form
from cargo_ai.integrations.kit.writes.fields import CrmFields
from cargo_ai.integrations.salesforce.describe import RECORD_ID

Json = Any

FIELDS = CrmFields(
    service="Salesforce",
    word="field",
    objects="The API name: Account, Contact, Lead, Opportunity, or a custom object as Project__c.",
    record_id=RECORD_ID,
    values="texts, numbers, true or false, lists of choices, or a parent by an external id of its own: {Account: {Domain__c: …}}.",
    advice="With one that is an external id, nothing is created twice, and it is fast.",
    read="Fields to read, also of parents as Account.Name; by default the record's name and times.",
    most_characters=80,
    most_properties=200,
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
    "properties": {"id": {"type": "string"}, "properties": {"type": "object"}, "url": {"type": ["string", "null"]}},
    "required": ["id", "properties"],
}
"""The schema of a record in outputs."""
