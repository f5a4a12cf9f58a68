"""The action `deleteLead`: a lead leaves a campaign."""

from __future__ import annotations

from cargo_ai.integrations.kit import (
    Action,
    ActionRequest,
    ConnectorAction,
    Form,
    Outcome,
    ServiceError,
    schema_of,
    segment,
    ui_schema_of,
)
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


ACTION: ConnectorAction = Action(
    slug="deleteLead",
    kind="connector",
    name="Delete lead",
    description="Removes a lead from a campaign, with its statistics. It is not unsubscribed.",
    does="acts",
    hint="deletes",
    idempotency="upsert",
    config_schema=schema_of(DeleteLead),
    ui_schema=ui_schema_of(DeleteLead),
    output_schema=WRITTEN,
    perform=perform,
)
