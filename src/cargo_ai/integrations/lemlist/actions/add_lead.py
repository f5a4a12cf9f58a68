"""The action `addLead`: lemlist begins to write to someone."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, InvalidConfig, Outcome, ServiceError, connector_action, segment
from cargo_ai.integrations.kit.writes import is_null, with_output, written
from cargo_ai.integrations.lemlist.client import LEAD_EXISTS, lead_of
from cargo_ai.integrations.lemlist.fields import LEAD, LeadFields, campaign_field, text_field

Json = Any


class AddLead(LeadFields):
    """Whom, and to which campaign."""

    campaign_id: str = campaign_field()
    email: str = text_field("E-mail address")
    variables: dict[str, Json] = Field(default={}, title="Variables", description="More that the campaign's texts use.", max_length=100)
    deduplicate: bool = Field(default=False, title="In one campaign only", description="Leave out who is in another campaign.")
    find_email: bool = Field(default=False, title="Find address", description="Costs credits of lemlist.")
    verify_email: bool = Field(default=False, title="Verify address", description="Costs credits of lemlist.")
    find_phone: bool = Field(default=False, title="Find telephone number", description="Costs credits of lemlist.")
    linkedin_enrichment: bool = Field(default=False, title="Complete from LinkedIn", description="Costs credits of lemlist.")

    def body(self) -> dict[str, Json]:
        """The lead as lemlist takes it. InvalidConfig for one that cannot be written to."""
        known = self.values()
        if self.email.strip():
            known["email"] = self.email.strip()
        if not known.keys() & {"email", "linkedinUrl", "phone"}:
            raise InvalidConfig("Give an `email`, a `linkedinUrl` or a `phone`.")
        if both := sorted(set(self.variables) & {*known, "email"}):
            raise InvalidConfig(f"`variables` names {both[0]}, which has a field of its own.")
        return {**{name: _text(value) for name, value in self.variables.items() if not is_null(value)}, **known}

    def query(self) -> dict[str, Json]:
        """What is done besides."""
        flags = {
            "deduplicate": self.deduplicate,
            "findEmail": self.find_email,
            "verifyEmail": self.verify_email,
            "findPhone": self.find_phone,
            "linkedinEnrichment": self.linkedin_enrichment,
        }
        return {name: True for name, value in flags.items() if value}


def _text(value: Json) -> str:
    """lemlist's variables are texts."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


async def perform(request: ActionRequest) -> Outcome:
    """Added; who is in the campaign already stays as they are."""
    form = request.form(AddLead)
    try:
        answer = await request.service.post(f"/campaigns/{segment(form.campaign_id.strip())}/leads/", json=form.body(), query=form.query())
    except ServiceError as error:
        if error.reason != LEAD_EXISTS:
            raise
        return written("skipped", None, reason=error.message, more={"lead": None})
    lead = lead_of(answer)
    return written("created", str(lead["_id"]), more={"lead": lead})


ACTION = connector_action(
    AddLead,
    slug="addLead",
    name="Add lead",
    description="Brings someone into a campaign, from which lemlist writes to them. Who is in it already is left as they are.",
    hint="writes",
    # lemlist refuses a lead that is in the campaign.
    idempotency="upsert",
    output_schema=with_output(lead=LEAD),
    perform=perform,
)
