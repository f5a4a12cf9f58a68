"""The action `deleteLead`: a lead leaves a campaign."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, Form, Outcome, ServiceError, connector_action, segment
from cargo_ai.integrations.kit.writes import WRITTEN, written
from cargo_ai.integrations.lemlist.client import is_missing
from cargo_ai.integrations.lemlist.fields import campaign_field, required_text_field


class DeleteLead(Form):
    """Which lead, from which campaign."""

    campaign_id: str = campaign_field()
    lead: str = required_text_field("Lead", "Its id (lea_…) or e-mail address.")


async def perform(request: ActionRequest) -> Outcome:
    """Deleted, with its statistics; one that is not there is no error."""
    form = request.form(DeleteLead)
    lead = form.lead.strip()
    path = f"/campaigns/{segment(form.campaign_id.strip())}/leads/{segment(lead)}"
    try:
        # Without it lemlist would unsubscribe them from everything.
        await request.service.delete(path, query={"action": "remove"})
    except ServiceError as error:
        if not is_missing(error):
            raise
        if not request.call.repeated and request.call.attempt == 1:
            return written("skipped", lead, reason="There is no such lead in the campaign.")
    return written("deleted", lead)


ACTION = connector_action(
    DeleteLead,
    slug="deleteLead",
    name="Delete lead",
    description="Removes a lead from a campaign, with its statistics. It is not unsubscribed.",
    hint="deletes",
    idempotency="upsert",
    output_schema=WRITTEN,
    perform=perform,
)
