"""The action `updateContact`: new values of a contact whose id is known."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.contacts import WRITTEN, change, values_of
from cargo_ai.integrations.apolloio.fields import ID_DESCRIPTION, ContactValues, required_text_field
from cargo_ai.integrations.kit import ActionRequest, InvalidConfig, Outcome, connector_action
from cargo_ai.integrations.kit.writes import written


class UpdateContact(ContactValues):
    """Which contact, and what it shall have."""

    contact_id: str = required_text_field("Contact", ID_DESCRIPTION)


async def perform(request: ActionRequest) -> Outcome:
    """Changed."""
    form = request.form(UpdateContact)
    contact_id, values = form.contact_id.strip(), values_of(form)
    if not contact_id:
        raise InvalidConfig("`contactId` is empty.")
    if not values:
        return written("skipped", contact_id, reason="no values to write", more={"contact": None})
    return await change(request.service, contact_id, values)


ACTION = connector_action(
    UpdateContact,
    slug="updateContact",
    name="Update contact",
    description="Changes a contact of your team.",
    hint="writes",
    idempotency="upsert",
    output_schema=WRITTEN,
    perform=perform,
)
