"""The action `searchEmailAccounts`: the mailboxes from which sequences can write."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.client import list_at
from cargo_ai.integrations.apolloio.fields import any_of
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Form, Outcome, schema_of

_FIELDS = ("id", "email", "user_id", "type", "active", "default")


class SearchEmailAccounts(Form):
    """Nothing has to be said."""


async def perform(request: ActionRequest) -> Outcome:
    """All mailboxes of the team."""
    request.form(SearchEmailAccounts)
    mailboxes = list_at(await request.service.get("/email_accounts"), "email_accounts")
    return Done({"count": len(mailboxes), "records": mailboxes}, f"{len(mailboxes)} found")


ACTION: ConnectorAction = Action(
    slug="searchEmailAccounts",
    kind="connector",
    name="Search e-mail accounts",
    description="Lists the mailboxes of your team from which sequences can write.",
    does="acts",
    hint="reads",
    idempotency="reads",
    config_schema=schema_of(SearchEmailAccounts),
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
