"""The action `addLead`: bring leads into a campaign, those of many runs in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import Field

from cargo_ai.engine.graph.action import RowBatch
from cargo_ai.integrations.kit import ActionRequest, Failed, Form, connector_action, segment
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import WRITTEN, written
from cargo_ai.integrations.smartlead.client import document_of, number_at
from cargo_ai.integrations.smartlead.fields import EXPRESSION, Id, campaign_field, email_field, text_field

Json = Any
MAX_ROWS = 100
"""Smartlead takes 400 today and took 100 for long."""
_COUNTS: Mapping[str, str] = {
    "already_added_to_campaign": "It is in the campaign already.",
    "duplicate_count": "It is a duplicate: in this campaign, in another one, or twice in the call.",
    "invalid_email_count": "The e-mail address is not valid.",
    "blocked_count": "It is in the block list, or has unsubscribed.",
    "block_count": "It is in the block list.",
}


class AddLead(Form):
    """Whom to add to which campaign."""

    campaign_id: Id = campaign_field()
    email: str = email_field()
    first_name: str | None = text_field("First name")
    last_name: str | None = text_field("Last name")
    company_name: str | None = text_field("Company")
    phone_number: str | None = text_field("Phone")
    website: str | None = text_field("Website")
    location: str | None = text_field("Location")
    custom_fields: dict[str, str | int | float | bool | None] = Field(
        default={}, title="Custom fields", description="Texts for {{…}} in e-mails.", max_length=200, json_schema_extra=EXPRESSION
    )
    ignore_block_list: bool = Field(default=False, title="Ignore the block list")
    ignore_unsubscribes: bool = Field(default=False, title="Ignore who has unsubscribed")
    allow_in_other_campaigns: bool = Field(default=False, title="Also who is in another campaign")

    def lead(self) -> dict[str, Json]:
        """As Smartlead takes it; what is empty is left out."""
        names = {"first_name", "last_name", "company_name", "phone_number", "website", "location"}
        values = {name: value for name, value in self.model_dump(include=names).items() if value not in (None, "")}
        custom = {name: str(value) for name, value in self.custom_fields.items() if value is not None}
        return {"email": self.email.strip(), **values, **({"custom_fields": custom} if custom else {})}


async def _add(rows: Rows[AddLead]) -> None:
    positions, first = list(rows.forms), rows.first
    body = {
        "lead_list": [rows.forms[position].lead() for position in positions],
        "settings": {
            "ignore_global_block_list": first.ignore_block_list,
            "ignore_unsubscribe_list": first.ignore_unsubscribes,
            "ignore_duplicate_leads_in_other_campaign": first.allow_in_other_campaigns,
        },
    }
    path = f"/campaigns/{segment(first.campaign_id.strip())}/leads"
    summary = document_of(await rows.service.post(path, json=body), changes=True)
    _settle(rows, positions, summary)


def _settle(rows: Rows[AddLead], positions: Sequence[int], summary: Mapping[str, Json]) -> None:
    """What became of each row: by name where Smartlead names those that it left out, else as far as its numbers tell."""
    added = number_at(summary, "added_count", "inserted_count", "upload_count") or 0
    skipped = _skipped(summary)
    if not skipped and not added and summary.get("is_lead_limit_exhausted") is True:
        full = Failed("Smartlead: the plan takes no more leads: upgrade it, or remove some.", reason="planLimit")
        for position in positions:
            rows.settle(position, full)
        return
    reason = _reason(summary)
    for position in positions:
        email = rows.forms[position].email.strip().lower()
        if email in skipped:
            rows.settle(position, written("skipped", None, reason=skipped[email] or reason))
        elif skipped or added >= len(positions):
            rows.settle(position, written("created", None))
        elif not added:
            rows.settle(position, written("skipped", None, reason=reason))
        else:
            said = f"Smartlead took {added} of {len(positions)} leads of this call, and does not say which. The others: {reason}"
            rows.settle(position, written("created", None, reason=said))


def _skipped(summary: Mapping[str, Json]) -> dict[str, str]:
    named = [cast("dict[str, Json]", lead) for lead in at(summary, "skipped_leads.*") if isinstance(lead, dict)]
    return {str(lead.get("email") or "").lower(): str(lead.get("reason") or "") for lead in named}


def _reason(summary: Mapping[str, Json]) -> str:
    reasons = [text for name, text in _COUNTS.items() if number_at(summary, name)]
    return " ".join(reasons) if reasons else "Smartlead does not say why."


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
    rows=RowBatch(
        batched(AddLead, _add),
        max=MAX_ROWS,
        group_by=("campaignId", "ignoreBlockList", "ignoreUnsubscribes", "allowInOtherCampaigns"),
        unique=_email,
    ),
)
