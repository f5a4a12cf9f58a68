"""The action `addLead`: bring leads into a campaign, those of many runs in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field

from cargo_ai.engine.graph.action import RowBatch
from cargo_ai.integrations.instantly_v2.client import document_of
from cargo_ai.integrations.instantly_v2.fields import EXPRESSION, campaign_field, email_field, text_field
from cargo_ai.integrations.kit import ActionRequest, Form, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import WRITTEN, written

Json = Any
MAX_ROWS = 500
"""Instantly takes 1,000; smaller calls are answered sooner."""
_REASONS: Mapping[str, str] = {
    "duplicated_leads": "It is in the campaign already, or elsewhere in the workspace.",
    "skipped_count": "It is in another campaign or list, and was to be skipped then.",
    "in_blocklist": "It is in the block list.",
    "invalid_email_count": "The e-mail address is not valid.",
    "incomplete_count": "It lacks an e-mail address.",
    "duplicate_email_count": "It came twice in one call.",
}


class AddLead(Form):
    """Whom to add to which campaign."""

    campaign_id: str = campaign_field()
    email: str = email_field()
    first_name: str | None = text_field("First name")
    last_name: str | None = text_field("Last name")
    company_name: str | None = text_field("Company")
    job_title: str | None = text_field("Job title")
    phone: str | None = text_field("Phone")
    website: str | None = text_field("Website")
    personalization: str | None = text_field("Personalization", "The text that stands for {{personalization}} in e-mails.")
    custom_variables: dict[str, str | int | float | bool | None] = Field(
        default={}, title="Custom variables", max_length=100, json_schema_extra=EXPRESSION
    )
    skip_if_in_workspace: bool = Field(default=False, title="Skip who is in the workspace", description="In any campaign or list.")
    skip_if_in_campaign: bool = Field(default=False, title="Skip who is in any campaign")

    def lead(self) -> dict[str, Json]:
        """As Instantly takes it; what is empty is left out."""
        names = {"first_name", "last_name", "company_name", "job_title", "phone", "website", "personalization"}
        values = {name: value for name, value in self.model_dump(include=names).items() if value not in (None, "")}
        variables = {name: value for name, value in self.custom_variables.items() if value is not None}
        return {"email": self.email.strip(), **values, **({"custom_variables": variables} if variables else {})}


async def _add(rows: Rows[AddLead]) -> None:
    positions = list(rows.forms)
    body = {
        "campaign_id": rows.first.campaign_id.strip(),
        "leads": [rows.forms[position].lead() for position in positions],
        "skip_if_in_workspace": rows.first.skip_if_in_workspace,
        "skip_if_in_campaign": rows.first.skip_if_in_campaign,
    }
    summary = document_of(await rows.service.post("/leads/add", json=body), changes=True)
    created = {int(lead["index"]): str(lead["id"]) for lead in cast("list[dict[str, Json]]", summary.get("created_leads") or [])}
    reason = _reason(summary)
    for number, position in enumerate(positions):
        uid = created.get(number)
        outcome = written("skipped", None, reason=reason) if uid is None else written("created", uid)
        rows.settle(position, outcome)


def _reason(summary: Mapping[str, Json]) -> str:
    """Why leads of a call were not made: the only reason, or all that there were."""
    reasons = [text for name, text in _REASONS.items() if summary.get(name)]
    return reasons[0] if len(reasons) == 1 else "One of: " + " ".join(reasons) if reasons else "Instantly does not say why."


def _email(request: ActionRequest) -> str:
    return str(request.config.get("email") or "").strip().lower()


ACTION = connector_action(
    AddLead,
    slug="addLead",
    name="Add a lead to a campaign",
    description="Brings a lead into a campaign; one that is there already is left as it is.",
    hint="writes",
    idempotency="upsert",
    output_schema=WRITTEN,
    rows=RowBatch(batched(AddLead, _add), max=MAX_ROWS, group_by=("campaignId", "skipIfInWorkspace", "skipIfInCampaign"), unique=_email),
)
