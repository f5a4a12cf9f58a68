"""The action `updateLead`: what is known of a lead in a campaign."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, Outcome, connector_action, segment
from cargo_ai.integrations.kit.writes import with_output, written
from cargo_ai.integrations.lemlist.client import lead_of
from cargo_ai.integrations.lemlist.fields import LEAD, LeadFields, campaign_field, required_text_field


class UpdateLead(LeadFields):
    """Which lead, and what it shall have."""

    campaign_id: str = campaign_field()
    lead: str = required_text_field("Lead", "Its id (lea_…) or e-mail address.")


async def perform(request: ActionRequest) -> Outcome:
    """Changed."""
    form = request.form(UpdateLead)
    values = form.values()
    if not values:
        return written("skipped", None, reason="no values to write", more={"lead": None})
    path = f"/campaigns/{segment(form.campaign_id.strip())}/leads/{segment(form.lead.strip())}"
    lead = lead_of(await request.service.patch(path, json=values))
    return written("updated", str(lead["_id"]), more={"lead": lead})


ACTION = connector_action(
    UpdateLead,
    slug="updateLead",
    name="Update lead",
    description="Changes what is known of a lead in a campaign.",
    hint="writes",
    idempotency="upsert",
    output_schema=with_output(lead=LEAD),
    perform=perform,
)
