"""The action `inviteToChannel`: bring people into a channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, ServiceError, connector_action
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.slack.client import write
from cargo_ai.integrations.slack.message import EXPRESSION

Json = Any
MAX_USERS = 100
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {"channel": {"type": "string"}, "invited": {"type": "array", "items": {"type": "string"}}},
    "required": ["channel", "invited"],
    "additionalProperties": False,
}


class InviteToChannel(Form):
    """Who, and where to."""

    channel: str = Field(title="Channel", description="Its id (C…).", min_length=1, json_schema_extra=EXPRESSION)
    users: list[str] = Field(
        title="People", description="Their ids (U…).", min_length=1, max_length=MAX_USERS, json_schema_extra=EXPRESSION
    )


async def perform(request: ActionRequest) -> Outcome:
    """Invite them one by one, since Slack refuses all for one that is in the channel already."""
    form = request.form(InviteToChannel)
    invited: list[str] = []
    for user in dict.fromkeys(form.users):
        try:
            await write(request.service, "conversations.invite", channel=form.channel, users=user)
        except ServiceError as error:
            if next(at(error.body, "error"), None) != "already_in_channel":
                raise
        else:
            invited.append(user)
    return Done({"channel": form.channel, "invited": invited}, f"{len(invited)} invited")


ACTION = connector_action(
    InviteToChannel,
    slug="inviteToChannel",
    name="Invite to a channel",
    description="Brings people into a channel; those who are in it already stay.",
    hint="writes",
    idempotency="upsert",
    output_schema=_OUTPUT,
    perform=perform,
)
