"""The action `enrichPerson`: all that is known of one person, with telephone numbers where they are wanted."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.fields import PERSON, any_of
from cargo_ai.integrations.apolloio.people import MAX, EnrichPerson, enrich
from cargo_ai.integrations.kit import RowBatch, connector_action
from cargo_ai.integrations.kit.calls.jobs import job_of
from cargo_ai.integrations.kit.rows import batched

_LOOKED_FOR = ("revealPersonalEmails", "revealPhoneNumber", "runWaterfallEmail", "runWaterfallPhone")

_NUMBER = ("raw_number", "sanitized_number", "type_cd", "status_cd", "confidence_cd")

ACTION = connector_action(
    EnrichPerson,
    slug="enrichPerson",
    name="Enrich person",
    description="Finds one person by address, LinkedIn or name, with all that is known; one credit for a match, eight for a mobile number.",
    hint="writes",
    idempotency="none",
    awaits=True,
    # What was paid for once may be given again; what has not come yet may come.
    cacheable=lambda done: done.output["found"] and done.output["status"] == "complete",
    output_schema={
        "type": "object",
        "properties": {
            "found": {"type": "boolean"},
            "person": {"type": ["object", "null"], "description": "By Apollo's names.", "properties": any_of(PERSON)},
            "phoneNumbers": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": any_of(_NUMBER),
                },
            },
            "emails": {
                "type": "array",
                "description": "What a waterfall found.",
                "items": {"type": "object", "properties": any_of(("email", "email_status_cd", "third_party_data_provider_id"))},
            },
            "status": {"enum": ["complete", "pending", "failed", "lost"], "description": "Of what comes later; else complete."},
        },
        "required": ["found", "person", "phoneNumbers", "emails", "status"],
    },
    rows=RowBatch(perform=batched(EnrichPerson, enrich), max=MAX, group_by=_LOOKED_FOR, alike=job_of),
)
