"""The action `updateMessage`: change a message that the app has sent."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.slack.client import write
from cargo_ai.integrations.slack.message import EXPRESSION, OUTPUT, Content, output_of


class UpdateMessage(Content):
    """Which message, and what it says from now on."""

    channel: str = Field(title="Channel", description="Its id (C…, D…).", min_length=1, json_schema_extra=EXPRESSION)
    ts: str = Field(title="Message", description="`ts` of the message.", min_length=1, json_schema_extra=EXPRESSION)


async def perform(request: ActionRequest) -> Outcome:
    """Change it; the same change again changes nothing."""
    form = request.form(UpdateMessage)
    message = await write(request.service, "chat.update", channel=form.channel, ts=form.ts, **form.content())
    return Done(output_of(message), "Message changed")


ACTION: ConnectorAction = Action(
    slug="updateMessage",
    kind="connector",
    name="Update a message",
    description="Changes a message that the app has sent.",
    does="acts",
    hint="writes",
    idempotency="upsert",
    config_schema=schema_of(UpdateMessage),
    ui_schema=ui_schema_of(UpdateMessage),
    output_schema=OUTPUT,
    perform=perform,
)
