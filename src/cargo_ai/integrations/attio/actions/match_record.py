"""Match record: say whether there is a record with a value of an attribute."""

from __future__ import annotations

from cargo_ai.integrations.attio.fields import Matching
from cargo_ai.integrations.attio.matching import matching
from cargo_ai.integrations.attio.records import id_of
from cargo_ai.integrations.kit import ActionRequest, Done, connector_action
from cargo_ai.integrations.kit.writes import key_of

MAX_IDS = 100


async def perform(request: ActionRequest) -> Done:
    """Look."""
    form = request.form(Matching)
    key = key_of(form.matching_value)
    matches = await matching(request.service, form.object_type, form.matching_property_name, key, most=MAX_IDS)
    ids = [id_of(record) for record in matches.records]
    output = {"matched": bool(ids), "count": len(ids), "recordId": ids[0] if ids else None, "recordIds": ids}
    return Done(output, f"{len(ids)} matched")


ACTION = connector_action(
    Matching,
    slug="matchRecord",
    name="Match record",
    description="Says whether Attio has a record with this value of an attribute, and which.",
    output_schema={
        "type": "object",
        "properties": {
            "matched": {"type": "boolean"},
            "count": {"type": "integer", "description": f"How many; {MAX_IDS} stands for that many or more."},
            "recordId": {"type": ["string", "null"], "description": "The oldest one."},
            "recordIds": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["matched", "count", "recordId"],
    },
    perform=perform,
    idempotency="reads",
    hint="reads",
)
