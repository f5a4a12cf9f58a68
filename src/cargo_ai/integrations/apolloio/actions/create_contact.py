"""The action `createContact`: one more contact, whether or not there is one like it."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.contacts import WRITTEN, create, values_of
from cargo_ai.integrations.apolloio.fields import ContactValues, text_field
from cargo_ai.integrations.kit import ActionRequest, InvalidConfig, Outcome, connector_action


class CreateContact(ContactValues):
    """Who it is."""

    email: str = text_field("E-mail address")


async def perform(request: ActionRequest) -> Outcome:
    """Made."""
    form = request.form(CreateContact)
    values = {**values_of(form), **({"email": form.email.strip()} if form.email.strip() else {})}
    if not values:
        raise InvalidConfig("Give an `email`, or `mappings`.")
    return await create(request.service, values, once=False)


ACTION = connector_action(
    CreateContact,
    slug="createContact",
    name="Create contact",
    description="Saves a person as a contact of your team, also when there is one like it.",
    hint="writes",
    idempotency="none",
    output_schema=WRITTEN,
    perform=perform,
)
