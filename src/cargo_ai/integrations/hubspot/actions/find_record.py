"""Find record: read one by its id or by a property that is unique."""

from __future__ import annotations

from cargo_ai.integrations.hubspot.fields import FIELDS, RECORD, Matching
from cargo_ai.integrations.hubspot.matching import matching
from cargo_ai.integrations.hubspot.records import MAX_INPUTS
from cargo_ai.integrations.hubspot.rows import shown
from cargo_ai.integrations.kit import Done, Failed, RowBatch, connector_action
from cargo_ai.integrations.kit.found import found_schema
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import key_of


class FindRecord(Matching):
    """Which record, and what of it."""

    properties: list[str] = FIELDS.properties()


async def _act(rows: Rows[FindRecord]) -> None:
    keys = rows.read(lambda form: key_of(form.matching_value))
    if not keys:
        return
    first, request = rows.first, rows.requests[next(iter(keys))]
    matches = await matching(request, first.object_type, first.matching_property_name, [*keys.values()], first.properties)
    for position, key in keys.items():
        records = matches.of(key)
        if len(records) > 1:
            text = f"{len(records)} records of {first.object_type} have {first.matching_property_name} {key}: use Find records."
            rows.settle(position, Failed(text, reason="ambiguous"))
        else:
            output = {"found": bool(records), "record": shown(records[0]) if records else None}
            rows.settle(position, Done(output, "found" if records else "not found"))


ACTION = connector_action(
    FindRecord,
    slug="findRecord",
    name="Find record",
    description="Reads one record by its id or by a unique property, such as a contact's e-mail address. Of a batch, 100 go in one call.",
    output_schema=found_schema(RECORD),
    rows=RowBatch(batched(FindRecord, _act), max=MAX_INPUTS, group_by=("objectType", "matchingPropertyName", "properties")),
    idempotency="reads",
    hint="reads",
)
