"""Match record: say whether there is a record with a value of a field."""

from __future__ import annotations

from cargo_ai.integrations.kit import RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes.matched import MATCHED, matched
from cargo_ai.integrations.salesforce.fields import Matching
from cargo_ai.integrations.salesforce.reading import read_matches
from cargo_ai.integrations.salesforce.records import MAX_INPUTS


async def _act(rows: Rows[Matching]) -> None:
    found = await read_matches(rows, rows.first.matching_property_name, lambda form: form.matching_value, "matchingValue", usual=False)
    for position, records in found.items():
        ids = [str(record["Id"]) for record in records]
        rows.settle(position, matched(ids))


ACTION = connector_action(
    Matching,
    slug="matchRecord",
    name="Match record",
    description="Says whether Salesforce has a record with this value of a field, and which.",
    output_schema=MATCHED,
    rows=RowBatch(batched(Matching, _act), max=MAX_INPUTS, group_by=("objectType", "matchingPropertyName")),
    idempotency="reads",
    hint="reads",
)
