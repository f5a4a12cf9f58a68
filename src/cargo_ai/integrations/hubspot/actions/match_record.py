"""Match record: say whether there is a record with a value of a property."""

from __future__ import annotations

from cargo_ai.integrations.hubspot.fields import Matching
from cargo_ai.integrations.hubspot.matching import matching
from cargo_ai.integrations.hubspot.records import MOST_INPUTS
from cargo_ai.integrations.kit import Action, ConnectorAction, Done, RowBatch, schema_of, ui_schema_of
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import key_of

MOST_IDS = 100


async def _act(rows: Rows[Matching]) -> None:
    keys = rows.read(lambda form: key_of(form.matching_value))
    if not keys:
        return
    first, request = rows.first, rows.requests[next(iter(keys))]
    matches = await matching(request, first.object_type, first.matching_property_name, [*keys.values()])
    for position, key in keys.items():
        ids = [str(record["id"]) for record in matches.of(key)]
        output = {"matched": bool(ids), "count": len(ids), "recordId": ids[0] if ids else None, "recordIds": ids[:MOST_IDS]}
        rows.settle(position, Done(output, f"{len(ids)} matched"))


ACTION: ConnectorAction = Action(
    slug="matchRecord",
    kind="connector",
    name="Match record",
    description="Says whether HubSpot has a record with this value of a property, and which.",
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
