"""Match record: say whether there is a record with a value of a property."""

from __future__ import annotations

from cargo_ai.integrations.hubspot.fields import Matching
from cargo_ai.integrations.hubspot.matching import matching
from cargo_ai.integrations.hubspot.records import MAX_INPUTS
from cargo_ai.integrations.kit import RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import key_of
from cargo_ai.integrations.kit.writes.matched import MATCHED, matched


async def _act(rows: Rows[Matching]) -> None:
    keys = rows.read(lambda form: key_of(form.matching_value))
    if not keys:
        return
    first, request = rows.first, rows.requests[next(iter(keys))]
    matches = await matching(request, first.object_type, first.matching_property_name, [*keys.values()])
    for position, key in keys.items():
        ids = [str(record["id"]) for record in matches.of(key)]
        rows.settle(position, matched(ids))


ACTION = connector_action(
    Matching,
    slug="matchRecord",
    name="Match record",
    description="Says whether HubSpot has a record with this value of a property, and which.",
    output_schema=MATCHED,
    rows=RowBatch(batched(Matching, _act), max=MAX_INPUTS, group_by=("objectType", "matchingPropertyName")),
    idempotency="reads",
    hint="reads",
)
