"""The action `findLead`: whether someone is a lead, and in which campaign."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, ServiceError, connector_action, segment
from cargo_ai.integrations.lemlist.client import is_missing, lead_of
from cargo_ai.integrations.lemlist.fields import required_text_field, with_lead


class FindLead(Form):
    """Who it is."""

    email: str = required_text_field("E-mail address")


async def perform(request: ActionRequest) -> Outcome:
    """The lead; `found` is false without one."""
    email = request.form(FindLead).email.strip()
    try:
        answer = await request.service.get(f"/leads/{segment(email)}", query={"version": "v2"})
    except ServiceError as error:
        if not is_missing(error):
            raise
        return Done({"found": False, "lead": None}, "not found")
    return Done({"found": True, "lead": lead_of(answer)}, "found")


ACTION = connector_action(
    FindLead,
    slug="findLead",
    name="Find lead",
    description="Reads a lead by e-mail address.",
    hint="reads",
    idempotency="reads",
    output_schema=with_lead(found={"type": "boolean"}),
    perform=perform,
)
