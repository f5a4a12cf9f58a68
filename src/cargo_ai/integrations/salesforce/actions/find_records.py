"""Find records: read every record that has a value of a field."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.kit import Done, RowBatch, connector_action
from cargo_ai.integrations.kit.found import records_schema
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.salesforce.fields import FIELDS, RECORD, Json, OfObject
from cargo_ai.integrations.salesforce.reading import read_matches
from cargo_ai.integrations.salesforce.records import MAX_INPUTS, shown


class FindRecords(OfObject):
    """Which records, and what of them."""

    property_name: str = FIELDS.property("Field")
    value: Json = Field(title="Value", description="Records that have this value of the field.")
    properties: list[str] = FIELDS.properties()
    limit: int = Field(default=100, ge=1, le=1000, title="At most", description="How many records are given; the oldest first.")


async def _act(rows: Rows[FindRecords]) -> None:
    first = rows.first
    found = await read_matches(rows, first.property_name, lambda form: form.value, "value", first.properties)
    for position, records in found.items():
        given = [shown(rows.service, record) for record in records[: rows.forms[position].limit]]
        rows.settle(position, Done({"count": len(records), "records": given}, f"{len(records)} found"))


ACTION = connector_action(
    FindRecords,
    slug="findRecords",
    name="Find records",
    description="Reads all records that have a value of a field. Of a batch, up to 200 values go in one query.",
    output_schema=records_schema(RECORD),
    rows=RowBatch(batched(FindRecords, _act), max=MAX_INPUTS, group_by=("objectType", "propertyName", "properties")),
    idempotency="reads",
    hint="reads",
)
