"""The action `getCredits`: how many validations the account has left."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, connector_action, unexpected
from cargo_ai.integrations.kit.errors import at


class GetCredits(Form):
    """Nothing has to be said."""


async def perform(request: ActionRequest) -> Outcome:
    """The credits."""
    request.form(GetCredits)
    answer = await request.service.get("/getcredits")
    try:
        credits = int(str(next(at(answer.body, "Credits"), None)))
    except ValueError:
        raise unexpected("ZeroBounce", answer) from None
    return Done({"credits": credits}, f"{credits:,} left")


ACTION = connector_action(
    GetCredits,
    slug="getCredits",
    name="Get credits",
    description="Says how many validations the account has left.",
    hint="reads",
    idempotency="reads",
    cacheable=lambda _done: False,  # each validation changes it
    output_schema={"type": "object", "properties": {"credits": {"type": "integer"}}, "required": ["credits"]},
    perform=perform,
)
