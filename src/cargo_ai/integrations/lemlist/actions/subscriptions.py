"""The actions `unsubscribe` and `resubscribe`: whom lemlist may not write to."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, ServiceError, connector_action, segment
from cargo_ai.integrations.lemlist.fields import required_text_field

_OUTPUT = {
    "type": "object",
    "properties": {"value": {"type": "string"}, "unsubscribed": {"type": "boolean"}},
    "required": ["value", "unsubscribed"],
}


class Subscription(Form):
    """Whom it is about."""

    value: str = required_text_field("Address", "An e-mail address, a domain as in @acme.com, a telephone number or a LinkedIn address.")


async def unsubscribe(request: ActionRequest) -> Outcome:
    """No campaign writes to them."""
    value = request.form(Subscription).value.strip()
    await request.service.post(f"/v2/unsubscribes/variables/{segment(value)}")
    return Done({"value": value, "unsubscribed": True}, "unsubscribed")


async def resubscribe(request: ActionRequest) -> Outcome:
    """Campaigns may write to them again; who was not in the list is not an error. lemlist refuses those who have asked themselves."""
    value = request.form(Subscription).value.strip()
    try:
        await request.service.delete(f"/v2/unsubscribes/variables/{segment(value)}")
    except ServiceError as error:
        if error.status != 400 or "not found in unsubscribe list" not in error.message:
            raise
    return Done({"value": value, "unsubscribed": False}, "subscribed")


UNSUBSCRIBE = connector_action(
    Subscription,
    slug="unsubscribe",
    name="Unsubscribe",
    description="Puts an address, a domain or a number on the list of those whom no campaign writes to.",
    hint="writes",
    idempotency="upsert",
    output_schema=_OUTPUT,
    perform=unsubscribe,
)
RESUBSCRIBE = connector_action(
    Subscription,
    slug="resubscribe",
    name="Resubscribe",
    description="Takes an address, a domain or a number off that list; not those who have asked for it themselves.",
    hint="writes",
    idempotency="upsert",
    output_schema=_OUTPUT,
    perform=resubscribe,
)
