"""Find record: read one by its id or by a field that few records share."""

from __future__ import annotations

from cargo_ai.integrations.kit import Done, Failed, RowBatch, connector_action
from cargo_ai.integrations.kit.found import found_schema
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.salesforce.fields import FIELDS, RECORD, Matching
from cargo_ai.integrations.salesforce.reading import read_matches
from cargo_ai.integrations.salesforce.records import MAX_INPUTS, shown


class FindRecord(Matching):
    """Which record, and what of it."""

    properties: list[str] = FIELDS.properties()


async def _act(rows: Rows[FindRecord]) -> None:
    first = rows.first
    found = await read_matches(rows, first.matching_property_name, lambda form: form.matching_value, "matchingValue", first.properties)
    for position, records in found.items():
        if len(records) > 1:
            which = f"{len(records)} records of {first.object_type} have this {first.matching_property_name}"
            rows.settle(position, Failed(f"{which}: use Find records.", reason="ambiguous"))
        else:
            output = {"found": bool(records), "record": shown(rows.service, records[0]) if records else None}
            rows.settle(position, Done(output, "found" if records else "not found"))


ACTION = connector_action(
    FindRecord,
    slug="findRecord",
    name="Find record",
    description="Reads one record by its id or another field, such as a contact's e-mail address. Of a batch, 200 go in one query.",
    output_schema=found_schema(RECORD),
    rows=RowBatch(batched(FindRecord, _act), max=MAX_INPUTS, group_by=("objectType", "matchingPropertyName", "properties")),
    idempotency="reads",
    hint="reads",
)
