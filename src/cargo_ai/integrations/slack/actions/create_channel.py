"""The action `createChannel`: make a channel, or give the one that has the name already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, ServiceError, connector_action
from cargo_ai.integrations.slack import client
from cargo_ai.integrations.slack.message import EXPRESSION

Json = Any
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "name": {"type": "string"}, "created": {"type": "boolean"}},
    "required": ["id", "name", "created"],
    "additionalProperties": False,
}


class CreateChannel(Form):
    """The channel."""

    name: str = Field(
        title="Name",
        description="Small letters, digits, - and _.",
        min_length=1,
        max_length=80,
        json_schema_extra=EXPRESSION,
    )
    is_private: bool = Field(default=False, title="Private")


async def perform(request: ActionRequest) -> Outcome:
    """Make it. Names are unique in a workspace, so that a repeated attempt finds what the first one made."""
    form = request.form(CreateChannel)
    try:
        channel = (await client.write(request.service, "conversations.create", name=form.name, is_private=form.is_private))["channel"]
    except ServiceError as error:
        if error.status != 200 or error.reason != "conflict":
            raise
        existing = await _channel_named(request, form.name)
        if existing is None:
            raise
        return Done({"id": existing["id"], "name": existing["name"], "created": False}, f"#{form.name} was there already")
    return Done({"id": channel["id"], "name": channel["name"], "created": True}, f"#{channel['name']}")


async def _channel_named(request: ActionRequest, name: str) -> Mapping[str, Json] | None:
    async for channel in client.channels(request.service):
        if channel["name"] == name:
            return channel
    return None


ACTION = connector_action(
    CreateChannel,
    slug="createChannel",
    name="Create a channel",
    description="Makes a channel, or gives the one that has the name already.",
    hint="writes",
    idempotency="upsert",
    output_schema=_OUTPUT,
    perform=perform,
)
