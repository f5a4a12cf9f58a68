"""The actions `listCampaigns`, `setCampaignStatus` and `getCampaignAnalytics`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field

from cargo_ai.integrations.instantly_v2 import client
from cargo_ai.integrations.instantly_v2.fields import CAMPAIGN_STATUSES, EXPRESSION, NUMBER, TEXT, campaign_field
from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, ServiceError, connector_action, segment

Json = Any
MAX = 1_000


class ListCampaigns(Form):
    """Which campaigns."""

    search: str = Field(default="", title="Search", description="In their names.", max_length=200, json_schema_extra=EXPRESSION)
    limit: int = Field(default=100, title="Limit", ge=1, le=MAX)


class SetCampaignStatus(Form):
    """Which campaign, and what it shall do."""

    campaign_id: str = campaign_field()
    status: Literal["active", "paused"] = Field(title="Status", description="active: it sends; paused: it does not.")


class OfCampaign(Form):
    """Which campaign."""

    campaign_id: str = campaign_field()


async def list_(request: ActionRequest) -> Outcome:
    """Campaigns and how each stands."""
    form = request.form(ListCampaigns)
    taken: list[dict[str, Json]] = []
    has_more = False
    async for campaign in client.campaigns(request.service, form.search.strip()):
        if len(taken) == form.limit:
            has_more = True
            break
        status = campaign.get("status")
        taken.append(
            {"id": campaign["id"], "name": campaign.get("name"), "status": status, "state": CAMPAIGN_STATUSES.get(cast("int", status))}
        )
    return Done({"items": taken, "count": len(taken), "hasMore": has_more}, f"{len(taken)} campaigns")


async def set_status(request: ActionRequest) -> Outcome:
    """Let a campaign send, or not."""
    form = request.form(SetCampaignStatus)
    verb = "activate" if form.status == "active" else "pause"
    campaign = client.document_of(await request.service.post(f"/campaigns/{segment(form.campaign_id.strip())}/{verb}"), changes=True)
    return Done({"id": str(campaign.get("id") or form.campaign_id), "name": campaign.get("name"), "status": form.status}, form.status)


async def analytics(request: ActionRequest) -> Outcome:
    """The numbers of one campaign since it began."""
    uid = request.form(OfCampaign).campaign_id.strip()
    answer = await request.service.get("/campaigns/analytics", query={"id": uid})
    body: object = answer.body
    numbers = cast("list[dict[str, Json]]", body) if isinstance(body, list) else []
    campaign = next((item for item in numbers if item.get("campaign_id") == uid), None)
    if campaign is None:
        raise ServiceError(f"Instantly has no numbers of the campaign {uid}: it does not exist, or has not begun.", reason="notFound")
    return Done(campaign, str(campaign.get("campaign_name") or uid))


_CAMPAIGN: Mapping[str, Json] = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "name": TEXT, "status": NUMBER, "state": TEXT},
    "required": ["id"],
}
LIST = connector_action(
    ListCampaigns,
    slug="listCampaigns",
    name="List campaigns",
    description="Reads campaigns and how each stands.",
    hint="reads",
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {"items": {"type": "array", "items": _CAMPAIGN}, "count": {"type": "integer"}, "hasMore": {"type": "boolean"}},
        "required": ["items", "count", "hasMore"],
    },
    perform=list_,
)
SET_STATUS = connector_action(
    SetCampaignStatus,
    slug="setCampaignStatus",
    name="Start or pause a campaign",
    description="Lets a campaign send, or not.",
    hint="writes",
    idempotency="upsert",
    output_schema={
        "type": "object",
        "properties": {"id": {"type": "string"}, "name": TEXT, "status": {"type": "string"}},
        "required": ["id", "status"],
    },
    perform=set_status,
)
ANALYTICS = connector_action(
    OfCampaign,
    slug="getCampaignAnalytics",
    name="Get a campaign's numbers",
    description="Reads how many leads a campaign has, and how many e-mails were sent, opened and answered.",
    hint="reads",
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {
            "campaign_id": {"type": "string"},
            "campaign_name": TEXT,
            **dict.fromkeys(
                ("leads_count", "contacted_count", "emails_sent_count", "open_count", "reply_count", "link_click_count"), NUMBER
            ),
            **dict.fromkeys(("bounced_count", "unsubscribed_count", "completed_count", "total_opportunities"), NUMBER),
        },
        "required": ["campaign_id"],
    },
    perform=analytics,
)
