"""The action `sendMessage`: post a message into a channel or to a person."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, InvalidConfig, Outcome, connector_action, ui
from cargo_ai.integrations.slack.client import user_by_email, write
from cargo_ai.integrations.slack.message import EXPRESSION, OUTPUT, Content, output_of


class SendMessage(Content):
    """A message and where it goes."""

    channel: str = Field(
        default="",
        title="Channel or person",
        description="An id (C…, U…), or #name of a public channel.",
        json_schema_extra=ui(widget="AutocompleteWidget", options={"slug": "listChannels"}),
    )
    email: str = Field(default="", title="Or a person's e-mail address", description="Instead of a channel.", json_schema_extra=EXPRESSION)
    thread_ts: str = Field(
        default="", title="Thread", description="`ts` of the message to answer in its thread.", json_schema_extra=EXPRESSION
    )
    unfurl_links: bool = Field(default=True, title="Show previews of links")


async def perform(request: ActionRequest) -> Outcome:
    """Post once. Slack has no key against doubles, so that a message whose outcome is unknown is not sent again."""
    form = request.form(SendMessage)
    content = form.content()
    if bool(form.channel.strip()) is bool(form.email.strip()):
        raise InvalidConfig("A message goes to a `channel` or to the person with an `email`: give one of them.")
    channel = form.channel.strip() or str((await user_by_email(request.service, form.email))["id"])
    thread = {"thread_ts": form.thread_ts.strip()} if form.thread_ts.strip() else {}
    arguments = {"channel": channel, **content, "unfurl_links": form.unfurl_links, **thread}
    message = await write(request.service, "chat.postMessage", resource=channel, **arguments)
    return Done(output_of(message), f"Message to {form.channel or form.email}")


ACTION = connector_action(
    SendMessage,
    slug="sendMessage",
    name="Send a message",
    description="Posts a message into a channel, a thread, or to a person.",
    hint="writes",
    idempotency="none",
    output_schema=OUTPUT,
    perform=perform,
)
