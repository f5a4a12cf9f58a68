"""The actions `findLead`, `updateLeadStatus` and `deleteLead`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.instantly_v2 import client
from cargo_ai.integrations.instantly_v2.fields import CAMPAIGN, EXPRESSION, INTERESTS, LEAD, email_field
from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, ServiceError, connector_action, segment
from cargo_ai.integrations.kit.found import found_schema
from cargo_ai.integrations.kit.writes import WRITTEN, written

Json = Any


class FindLead(Form):
    """Whom to find, and where."""

    email: str = email_field()
    campaign_id: str = Field(default="", title="Campaign", description="In any by default.", max_length=100, json_schema_extra=CAMPAIGN)


class UpdateLeadStatus(FindLead):
    """Whose interest changes to what."""

    status: Literal["lead", "outOfOffice", "interested", "meetingBooked", "meetingCompleted", "closed", "notInterested", "wrongPerson"] = (
        Field(title="Status", description="lead: as it was at first.")
    )


class DeleteLead(Form):
    """Which lead."""

    id: str = Field(
        title="Id", description="Of the lead, as findLead gives it.", min_length=1, max_length=100, json_schema_extra=EXPRESSION
    )


async def find(request: ActionRequest) -> Outcome:
    """The lead; `found` is false where it is missing."""
    form = request.form(FindLead)
    email = form.email.strip()
    async for lead in client.leads(request.service, contacts=[email], campaign=form.campaign_id.strip()):
        if str(lead.get("email") or "").lower() == email.lower():
            return Done({"found": True, "lead": dict(lead)}, email)
    return Done({"found": False, "lead": None}, "No such lead")


async def update_status(request: ActionRequest) -> Outcome:
    """Set how interested a lead is. Instantly takes the change, and makes it a moment later."""
    form = request.form(UpdateLeadStatus)
    body = {"lead_email": form.email.strip(), "interest_value": INTERESTS[form.status]}
    if form.campaign_id.strip():
        body["campaign_id"] = form.campaign_id.strip()
    answer = await request.service.post("/leads/update-interest-status", json=body)
    client.document_of(answer, changes=True)
    return Done({"email": form.email.strip(), "status": form.status}, form.status)


async def delete(request: ActionRequest) -> Outcome:
    """Delete a lead; one that is gone already is fine."""
    uid = request.form(DeleteLead).id.strip()
    try:
        await request.service.delete(f"/leads/{segment(uid)}")
    except ServiceError as error:
        if error.status != 404 or client.text_at(error.body, "error") != "Not Found":
            raise
        return written("skipped", uid, reason="There is no such lead any more.")
    return written("deleted", uid)


FIND = connector_action(
    FindLead,
    slug="findLead",
    name="Find a lead",
    description="Finds a lead by e-mail address, with how far it has come.",
    hint="reads",
    idempotency="reads",
    output_schema=found_schema(LEAD, "lead"),
    perform=find,
)
UPDATE_STATUS = connector_action(
    UpdateLeadStatus,
    slug="updateLeadStatus",
    name="Update a lead's status",
    description="Says how interested a lead is.",
    hint="writes",
    idempotency="upsert",
    output_schema={
        "type": "object",
        "properties": {"email": {"type": "string"}, "status": {"type": "string"}},
        "required": ["email", "status"],
    },
    perform=update_status,
)
DELETE = connector_action(
    DeleteLead,
    slug="deleteLead",
    name="Delete a lead",
    description="Deletes a lead, so that it gets no more e-mails.",
    hint="deletes",
    idempotency="upsert",
    output_schema=WRITTEN,
    perform=delete,
)
