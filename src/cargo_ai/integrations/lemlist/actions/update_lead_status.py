"""The action `updateLeadStatus`: how far someone has come, and whether lemlist goes on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Form, InvalidConfig, Outcome, connector_action, segment
from cargo_ai.integrations.lemlist.client import lead_of
from cargo_ai.integrations.lemlist.fields import TEXT, required_text_field, text_field, with_lead

Json = Any


class UpdateLeadStatus(Form):
    """Which lead, and what they are."""

    lead: str = required_text_field("Lead", "Its id (lea_…); for interested and notInterested also its e-mail address.")
    campaign_id: str = text_field("Campaign", "Its id (cam_…); by default all that the lead is in.")
    status: Literal["interested", "notInterested", "paused", "resumed"] = Field(title="Status")


async def perform(request: ActionRequest) -> Outcome:
    """Said to lemlist."""
    form = request.form(UpdateLeadStatus)
    lead, campaign = form.lead.strip(), form.campaign_id.strip()
    query: dict[str, Json] = {}
    if form.status in ("paused", "resumed"):
        if campaign and form.status == "resumed":
            raise InvalidConfig("lemlist resumes a lead in all campaigns: leave `campaignId` empty.")
        path = f"/leads/{'pause' if form.status == 'paused' else 'start'}/{segment(lead)}"
        query = {"campaignId": campaign or None}
    elif campaign:
        path = f"/campaigns/{segment(campaign)}/leads/{segment(lead)}/{form.status.lower()}"
    else:
        path = f"/leads/{form.status.lower()}/{segment(lead)}"
    return Done({"status": form.status, "lead": lead_of(await request.service.post(path, query=query))}, form.status)


ACTION = connector_action(
    UpdateLeadStatus,
    slug="updateLeadStatus",
    name="Update lead status",
    description="Marks a lead as interested or not, or halts and resumes what lemlist sends to them.",
    hint="writes",
    idempotency="upsert",
    output_schema=with_lead(status=TEXT),
    perform=perform,
)
