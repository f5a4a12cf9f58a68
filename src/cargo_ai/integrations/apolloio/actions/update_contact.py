"""The action `updateContact`: new values of a contact whose id is known."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.contacts import WRITTEN, change, values_of
from cargo_ai.integrations.apolloio.fields import ID_DESCRIPTION, ContactValues, required_text_field
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, InvalidConfig, Outcome, schema_of, ui_schema_of
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


ACTION: ConnectorAction = Action(
    slug="updateContact",
    kind="connector",
    name="Update contact",
    description="Changes a contact of your team.",
    does="acts",
    hint="writes",
    idempotency="upsert",
    config_schema=schema_of(UpdateContact),
    ui_schema=ui_schema_of(UpdateContact),
    output_schema=WRITTEN,
    perform=perform,
)
