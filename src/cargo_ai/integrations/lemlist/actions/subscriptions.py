"""The actions `unsubscribe` and `resubscribe`: whom lemlist may not write to."""

from __future__ import annotations

from cargo_ai.integrations.kit import (
    Action,
    ActionRequest,
    ConnectorAction,
    Done,
    Form,
    Outcome,
    ServiceError,
    schema_of,
    segment,
    ui_schema_of,
)
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
    """Campaigns may write to them again; who was not in the list is no error. lemlist refuses those who have asked themselves."""
    value = request.form(Subscription).value.strip()
    try:
        await request.service.delete(f"/v2/unsubscribes/variables/{segment(value)}")
    except ServiceError as error:
        if error.status != 400 or "not found in unsubscribe list" not in error.message:
            raise
    return Done({"value": value, "unsubscribed": False}, "subscribed")


UNSUBSCRIBE: ConnectorAction = Action(
    slug="unsubscribe",
    kind="connector",
    name="Unsubscribe",
    description="Puts an address, a domain or a number on the list of those whom no campaign writes to.",
    does="acts",
    hint="writes",
    idempotency="upsert",
    config_schema=schema_of(Subscription),
    ui_schema=ui_schema_of(Subscription),
    output_schema=_OUTPUT,
    perform=unsubscribe,
)
RESUBSCRIBE: ConnectorAction = Action(
    slug="resubscribe",
    kind="connector",
    name="Resubscribe",
    description="Takes an address, a domain or a number off that list; not those who have asked for it themselves.",
    does="acts",
    hint="writes",
    idempotency="upsert",
    config_schema=schema_of(Subscription),
    ui_schema=ui_schema_of(Subscription),
    output_schema=_OUTPUT,
    perform=resubscribe,
)
