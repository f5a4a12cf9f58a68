"""The action `updateMessage`: change a message that the app has sent."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Outcome, connector_action
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


ACTION = connector_action(
    UpdateMessage,
    slug="updateMessage",
    name="Update a message",
    description="Changes a message that the app has sent.",
    hint="writes",
    idempotency="upsert",
    output_schema=OUTPUT,
    perform=perform,
)
