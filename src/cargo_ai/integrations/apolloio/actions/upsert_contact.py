"""The action `upsertContact`: the contact with an address has these values; without one, it is made."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.apolloio.contacts import WRITTEN, change, create, find, left, unchanged, values_of
from cargo_ai.integrations.apolloio.fields import ContactValues, required_text_field
from cargo_ai.integrations.kit import ActionRequest, Outcome, connector_action
from cargo_ai.integrations.kit.writes import MatchPolicy, key_of, written


class UpsertContact(ContactValues):
    """Whose contact it is, and what it shall have."""

    email: str = required_text_field("E-mail address")
    match_policy: MatchPolicy = Field(default="upsert", title="When it exists", description="upsert, updateOnly or createOnly.")


async def perform(request: ActionRequest) -> Outcome:
    """Look for it, then change or make it."""
    form = request.form(UpsertContact)
    email, values = key_of(form.email, "email"), values_of(form)
    contact = await find(request.service, email)
    if contact is None:
        if form.match_policy == "updateOnly":
            return written("skipped", None, reason="no contact has this address", more={"contact": None})
        # Apollo's search may lag: it looks itself once more.
        return await create(request.service, {**values, "email": email}, once=True)
    if form.match_policy == "createOnly":
        return written("skipped", str(contact["id"]), reason="there is such a contact", more={"contact": contact})
    return left(contact) if unchanged(contact, values) else await change(request.service, str(contact["id"]), values)


ACTION = connector_action(
    UpsertContact,
    slug="upsertContact",
    name="Upsert contact",
    description="Changes the contact with this e-mail address, or saves a new one.",
    hint="writes",
    idempotency="upsert",
    output_schema=WRITTEN,
    perform=perform,
)
