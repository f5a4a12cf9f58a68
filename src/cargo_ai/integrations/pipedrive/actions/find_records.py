"""Find records: read every record that has a value of a field."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, connector_action
from cargo_ai.integrations.kit.found import records_schema
from cargo_ai.integrations.kit.writes import key_of
from cargo_ai.integrations.pipedrive.custom_fields import names_of
from cargo_ai.integrations.pipedrive.fields import FIELDS, RECORD, OfObject
from cargo_ai.integrations.pipedrive.objects import object_of
from cargo_ai.integrations.pipedrive.records import find
from cargo_ai.integrations.pipedrive.values import shown

Json = Any


class FindRecords(OfObject):
    """Which records, and what of them."""

    property_name: str = FIELDS.property("Property", slug="listUniqueProperties")
    value: Json = Field(title="Value", description="Records that have this value of the field.")
    properties: list[str] = FIELDS.properties()
    limit: int = Field(default=100, ge=1, le=500, title="At most", description="How many records are given; the oldest first.")


async def perform(request: ActionRequest) -> Done:
    """Read them, the oldest first."""
    form = request.form(FindRecords)
    names = await names_of(request.service, object_of(form.object_type), [form.property_name, *form.properties])
    matches = await find(request.service, names, form.property_name, key_of(form.value, "value"), form.limit + 1)
    records = [shown(names, record, form.properties) for record in matches[: form.limit]]
    return Done({"count": len(records), "more": len(matches) > form.limit, "records": records}, f"{len(records)} found")


ACTION = connector_action(
    FindRecords,
    slug="findRecords",
    name="Find records",
    description="Reads all records that have a value of a field.",
    output_schema=records_schema(RECORD, more=True),
    perform=perform,
    idempotency="reads",
    hint="reads",
)
