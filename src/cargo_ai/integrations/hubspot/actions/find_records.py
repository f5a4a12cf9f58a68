"""Find records: read every record that has a value of a property."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.hubspot.fields import FIELDS, RECORD, Json, OfObject
from cargo_ai.integrations.hubspot.matching import matching
from cargo_ai.integrations.hubspot.records import MAX_INPUTS
from cargo_ai.integrations.hubspot.rows import shown
from cargo_ai.integrations.kit import Done, RowBatch, connector_action
from cargo_ai.integrations.kit.found import records_schema
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import key_of


class FindRecords(OfObject):
    """Which records, and what of them."""

    property_name: str = FIELDS.property("Property")
    value: Json = Field(title="Value", description="Records that have this value of the property.")
    properties: list[str] = FIELDS.properties()
    limit: int = Field(default=100, ge=1, le=1000, title="At most", description="How many records are given; the oldest first.")


async def _act(rows: Rows[FindRecords]) -> None:
    keys = rows.read(lambda form: key_of(form.value, "value"))
    if not keys:
        return
    first, request = rows.first, rows.requests[next(iter(keys))]
    matches = await matching(request, first.object_type, first.property_name, [*keys.values()], first.properties)
    for position, key in keys.items():
        records = matches.of(key)
        output = {"count": len(records), "records": [shown(record) for record in records[: rows.forms[position].limit]]}
        rows.settle(position, Done(output, f"{len(records)} found"))


ACTION = connector_action(
    FindRecords,
    slug="findRecords",
    name="Find records",
    description="Reads all records that have a value of a property, unique or not. Of a batch, up to 100 values go in one search.",
    output_schema=records_schema(RECORD),
    rows=RowBatch(batched(FindRecords, _act), max=MAX_INPUTS, group_by=("objectType", "propertyName", "properties")),
    idempotency="reads",
    hint="reads",
)
