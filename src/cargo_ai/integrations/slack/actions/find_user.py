"""The action `findUser`: the person with an e-mail address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, ServiceError, connector_action
from cargo_ai.integrations.slack.client import user_by_email
from cargo_ai.integrations.slack.message import EXPRESSION

Json = Any
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "found": {"type": "boolean"},
        "id": {"type": ["string", "null"]},
        "name": {"type": ["string", "null"]},
        "realName": {"type": ["string", "null"]},
        "timeZone": {"type": ["string", "null"]},
    },
    "required": ["found", "id", "name", "realName", "timeZone"],
    "additionalProperties": False,
}


class FindUser(Form):
    """Whom to find."""

    email: str = Field(title="E-mail address", min_length=3, json_schema_extra=EXPRESSION)


async def perform(request: ActionRequest) -> Outcome:
    """The person; `found` is false where Slack knows no such address."""
    form = request.form(FindUser)
    try:
        user = await user_by_email(request.service, form.email)
    except ServiceError as error:
        if error.status != 200 or error.reason != "notFound":
            raise
        return Done({"found": False, "id": None, "name": None, "realName": None, "timeZone": None}, "No one has that address")
    profile: Mapping[str, Json] = user.get("profile") or {}
    output = {
        "found": True,
        "id": user["id"],
        "name": user.get("name"),
        "realName": profile.get("real_name") or user.get("real_name"),
        "timeZone": user.get("tz"),
    }
    return Done(output, str(output["realName"] or output["name"]))


ACTION = connector_action(
    FindUser,
    slug="findUser",
    name="Find a person",
    description="Finds the person with an e-mail address.",
    hint="reads",
    idempotency="reads",
    output_schema=_OUTPUT,
    perform=perform,
)
