"""Find records: read every record that has a value of an attribute."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.attio.fields import FIELDS, RECORD, Json, OfObject
from cargo_ai.integrations.attio.matching import matching
from cargo_ai.integrations.attio.records import shown
from cargo_ai.integrations.kit import ActionRequest, Done, connector_action
from cargo_ai.integrations.kit.found import records_schema
from cargo_ai.integrations.kit.writes import key_of


class FindRecords(OfObject):
    """Which records, and what of them."""

    property_name: str = FIELDS.property("Property")
    value: Json = Field(title="Value", description="Records that have this value of the attribute.")
    properties: list[str] = FIELDS.properties()
    limit: int = Field(default=100, ge=1, le=1000, title="At most", description="How many records are given; the oldest first.")


async def perform(request: ActionRequest) -> Done:
    """Read them, the oldest first."""
    form = request.form(FindRecords)
    key = key_of(form.value, "value")
    matches = await matching(request.service, form.object_type, form.property_name, key, names=form.properties, most=form.limit)
    records = [shown(matches.attributes, record, form.properties) for record in matches.records]
    return Done({"count": len(records), "more": matches.more, "records": records}, f"{len(records)} found")


ACTION = connector_action(
    FindRecords,
    slug="findRecords",
    name="Find records",
    description="Reads all records that have a value of an attribute, unique or not.",
    output_schema=records_schema(RECORD, more=True),
    perform=perform,
    idempotency="reads",
    hint="reads",
)
