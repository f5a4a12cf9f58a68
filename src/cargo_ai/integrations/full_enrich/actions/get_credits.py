"""The action `getCredits`: how many credits the workspace has left."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, connector_action, unexpected
from cargo_ai.integrations.kit.errors import at


class GetCredits(Form):
    """Nothing has to be said."""


async def perform(request: ActionRequest) -> Outcome:
    """The credits."""
    request.form(GetCredits)
    answer = await request.service.get("/account/credits")
    balance: object = next(at(answer.body, "balance"), None)
    if not isinstance(balance, (int, float)):
        raise unexpected("FullEnrich", answer, sent=True)
    return Done({"credits": balance}, f"{balance:,} left")


ACTION = connector_action(
    GetCredits,
    slug="getCredits",
    name="Get credits",
    description="Says how many credits the workspace has left.",
    hint="reads",
    idempotency="reads",
    cacheable=lambda _done: False,  # each find changes it
    output_schema={"type": "object", "properties": {"credits": {"type": "number"}}, "required": ["credits"]},
    perform=perform,
)
