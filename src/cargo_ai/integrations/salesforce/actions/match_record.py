"""Match record: say whether there is a record with a value of a field."""

from __future__ import annotations

from cargo_ai.integrations.kit import Action, ConnectorAction, Done, RowBatch, schema_of, ui_schema_of
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.salesforce.fields import Matching
from cargo_ai.integrations.salesforce.reading import read_matches
from cargo_ai.integrations.salesforce.records import MOST_INPUTS

MOST_IDS = 100


async def _act(rows: Rows[Matching]) -> None:
    found = await read_matches(rows, rows.first.matching_property_name, lambda form: form.matching_value, "matchingValue", usual=False)
    for position, records in found.items():
        ids = [str(record["Id"]) for record in records]
        output = {"matched": bool(ids), "count": len(ids), "recordId": ids[0] if ids else None, "recordIds": ids[:MOST_IDS]}
        rows.settle(position, Done(output, f"{len(ids)} matched"))


ACTION: ConnectorAction = Action(
    slug="matchRecord",
    kind="connector",
    name="Match record",
    description="Says whether Salesforce has a record with this value of a field, and which.",
    does="acts",
    config_schema=schema_of(Matching),
    ui_schema=ui_schema_of(Matching),
    output_schema={
        "type": "object",
        "properties": {
            "matched": {"type": "boolean"},
            "count": {"type": "integer"},
            "recordId": {"type": ["string", "null"], "description": "The oldest one."},
            "recordIds": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["matched", "count", "recordId"],
    },
    rows=RowBatch(batched(Matching, _act), max=MOST_INPUTS, group_by=("objectType", "matchingPropertyName")),
    idempotency="reads",
    hint="reads",
)
