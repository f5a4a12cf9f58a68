"""The action `addContactToSequence`: Apollo begins to write to a contact."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.apolloio.client import list_at
from cargo_ai.integrations.apolloio.fields import ID_DESCRIPTION, chosen_field, required_text_field
from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, connector_action, segment
from cargo_ai.integrations.kit.errors import at

Json = Any


class AddContactToSequence(Form):
    """Whom, to which sequence, and from which mailbox."""

    sequence_id: str = chosen_field("Sequence", "listSequences")
    contact_id: str = required_text_field("Contact", ID_DESCRIPTION)
    send_email_from_email_account_id: str = chosen_field("Mailbox", "listEmailAccounts")
    sequence_no_email: bool = Field(default=False, title="Without address", description="Also contacts who have none.")
    sequence_unverified_email: bool = Field(default=False, title="Unverified address", description="Also where it is not verified.")
    sequence_active_in_other_campaigns: bool = Field(default=False, title="In other sequences", description="Also who is in others.")


async def perform(request: ActionRequest) -> Outcome:
    """Added; who is in it already, or may not be written to, is left out, and it is said why."""
    form = request.form(AddContactToSequence)
    sequence, contact = form.sequence_id.strip(), form.contact_id.strip()
    query: dict[str, Json] = {
        "emailer_campaign_id": sequence,
        "contact_ids[]": [contact],
        "send_email_from_email_account_id": form.send_email_from_email_account_id.strip(),
        **{name: True for name, value in form.model_dump().items() if value is True},
    }
    answer = await request.service.post(f"/emailer_campaigns/{segment(sequence)}/add_contact_ids", query=query)
    added = any(one.get("id") == contact for one in list_at(answer, "contacts"))
    skipped = next(at(answer.body, f"skipped_contact_ids.{contact}"), None)
    output = {"added": added and skipped is None, "contactId": contact, "sequenceId": sequence, "reason": skipped}
    return Done(output, "Added" if output["added"] else f"Left out: {skipped or 'Apollo does not say why'}")


ACTION = connector_action(
    AddContactToSequence,
    slug="addContactToSequence",
    name="Add contact to sequence",
    description="Adds a contact to a sequence, from which Apollo writes to them.",
    hint="writes",
    # A contact who is in the sequence already is left out by Apollo.
    idempotency="upsert",
    output_schema={
        "type": "object",
        "properties": {
            "added": {"type": "boolean"},
            "contactId": {"type": "string"},
            "sequenceId": {"type": "string"},
            "reason": {"type": ["string", "null"], "description": "Why Apollo left the contact out."},
        },
        "required": ["added", "contactId", "sequenceId", "reason"],
    },
    perform=perform,
)
