"""The actions `findLead`, `updateLeadStatus` and `setLeadCategory`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Failed, Form, Outcome, connector_action, segment, widget
from cargo_ai.integrations.kit.found import found_schema
from cargo_ai.integrations.smartlead import client
from cargo_ai.integrations.smartlead.fields import LEAD, Id, campaign_field, email_field

Json = Any
_VERBS = {"paused": "pause", "active": "resume", "unsubscribed": "unsubscribe"}


class FindLead(Form):
    """Whom to find."""

    email: str = email_field()


class UpdateLeadStatus(FindLead):
    """Whose turn it is, in which campaign."""

    campaign_id: Id = campaign_field()
    status: Literal["paused", "active", "unsubscribed"] = Field(
        title="Status", description="paused: no more e-mails until it is active again."
    )


class SetLeadCategory(FindLead):
    """What a lead is, in which campaign."""

    campaign_id: Id = campaign_field()
    category_id: Id = Field(title="Category", min_length=1, max_length=50, json_schema_extra=widget("listCategories"))


async def find(request: ActionRequest) -> Outcome:
    """The lead; `found` is false where it is missing."""
    email = request.form(FindLead).email.strip()
    lead = await client.lead_of(request.service, email)
    return Done({"found": lead is not None, "lead": None if lead is None else dict(lead)}, "No such lead" if lead is None else email)


async def update_status(request: ActionRequest) -> Outcome:
    """Pause a lead, let it go on, or unsubscribe it."""
    form = request.form(UpdateLeadStatus)
    return await _change(request, form.email, form.campaign_id, _VERBS[form.status], {}, form.status)


async def set_category(request: ActionRequest) -> Outcome:
    """Say what a lead is: interested, a meeting, out of office."""
    form = request.form(SetLeadCategory)
    category: Json = int(form.category_id) if form.category_id.isdigit() else form.category_id
    return await _change(request, form.email, form.campaign_id, "category", {"category_id": category}, form.category_id)


async def _change(request: ActionRequest, email: str, campaign: str, verb: str, body: Json, said: str) -> Outcome:
    lead = await client.lead_of(request.service, email.strip())
    if lead is None:
        return Failed(f"Smartlead has no lead with the address {email.strip()}.", reason="notFound")
    uid = str(lead["id"])
    await request.service.post(f"/campaigns/{segment(campaign.strip())}/leads/{segment(uid)}/{verb}", json=body)
    return Done({"leadId": uid, "campaignId": campaign.strip(), "value": said}, said)


_CHANGED: dict[str, Json] = {
    "type": "object",
    "properties": {"leadId": {"type": "string"}, "campaignId": {"type": "string"}, "value": {"type": "string"}},
    "required": ["leadId", "campaignId", "value"],
}
FIND = connector_action(
    FindLead,
    slug="findLead",
    name="Find a lead",
    description="Finds a lead by e-mail address, with its campaigns.",
    hint="reads",
    idempotency="reads",
    output_schema=found_schema(LEAD, "lead"),
    perform=find,
)
UPDATE_STATUS = connector_action(
    UpdateLeadStatus,
    slug="updateLeadStatus",
    name="Update a lead's status",
    description="Pauses a lead in a campaign, lets it go on, or unsubscribes it.",
    hint="writes",
    idempotency="upsert",
    output_schema=_CHANGED,
    perform=update_status,
)
SET_CATEGORY = connector_action(
    SetLeadCategory,
    slug="setLeadCategory",
    name="Set a lead's category",
    description="Says what a lead is in a campaign: interested, a meeting, out of office.",
    hint="writes",
    idempotency="upsert",
    output_schema=_CHANGED,
    perform=set_category,
)
