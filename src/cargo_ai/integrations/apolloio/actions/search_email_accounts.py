"""The action `searchEmailAccounts`: the mailboxes from which sequences can write."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.client import list_at
from cargo_ai.integrations.apolloio.fields import any_of
from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, connector_action

_FIELDS = ("id", "email", "user_id", "type", "active", "default")


class SearchEmailAccounts(Form):
    """Nothing has to be said."""


async def perform(request: ActionRequest) -> Outcome:
    """All mailboxes of the team."""
    request.form(SearchEmailAccounts)
    mailboxes = list_at(await request.service.get("/email_accounts"), "email_accounts")
    return Done({"count": len(mailboxes), "records": mailboxes}, f"{len(mailboxes)} found")


ACTION = connector_action(
    SearchEmailAccounts,
    slug="searchEmailAccounts",
    name="Search e-mail accounts",
    description="Lists the mailboxes of your team from which sequences can write.",
    hint="reads",
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "records": {"type": "array", "items": {"type": "object", "properties": any_of(_FIELDS)}},
        },
        "required": ["count", "records"],
    },
    perform=perform,
)
