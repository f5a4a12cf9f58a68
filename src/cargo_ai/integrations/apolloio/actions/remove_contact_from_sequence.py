"""The action `removeContactFromSequence`: Apollo writes to a contact no more."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cargo_ai.integrations.apolloio.client import list_at
from cargo_ai.integrations.apolloio.fields import ID_DESCRIPTION, chosen_field, required_text_field
from cargo_ai.integrations.kit import ActionRequest, Done, Form, InvalidConfig, Outcome, connector_action


class RemoveContactFromSequence(Form):
    """Whom, from which sequence, and how."""

    sequence_id: str = chosen_field("Sequence", "listSequences")
    contact_id: str = required_text_field("Contact", ID_DESCRIPTION)
    mode: Literal["remove", "stop", "mark_as_finished"] = Field(
        default="remove", title="How", description="remove: as if never added; stop: halted; mark_as_finished: done."
    )


async def perform(request: ActionRequest) -> Outcome:
    """Removed; who is not in it stays out of it."""
    form = request.form(RemoveContactFromSequence)
    sequence, contact = form.sequence_id.strip(), form.contact_id.strip()
    if not sequence or not contact:
        raise InvalidConfig("`sequenceId` and `contactId` are needed.")
    query = {"emailer_campaign_ids[]": [sequence], "contact_ids[]": [contact], "mode": form.mode}
    answer = await request.service.post("/emailer_campaigns/remove_or_stop_contact_ids", query=query)
    changed = any(one.get("id") == contact for one in list_at(answer, "contacts"))
    output = {"changed": changed, "contactId": contact, "sequenceId": sequence, "mode": form.mode}
    return Done(output, form.mode if changed else "Apollo does not know the contact")


ACTION = connector_action(
    RemoveContactFromSequence,
    slug="removeContactFromSequence",
    name="Remove contact from sequence",
    description="Removes a contact from a sequence, or halts or finishes it for them.",
    hint="writes",
    idempotency="upsert",
    output_schema={
        "type": "object",
        "properties": {
            "changed": {"type": "boolean"},
            "contactId": {"type": "string"},
            "sequenceId": {"type": "string"},
            "mode": {"type": "string"},
        },
        "required": ["changed", "contactId", "sequenceId", "mode"],
    },
    perform=perform,
)
