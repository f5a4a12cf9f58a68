"""The actions `listCampaigns`, `getCampaignStatistics` and `getCampaignAnalytics`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, connector_action, segment
from cargo_ai.integrations.smartlead import client
from cargo_ai.integrations.smartlead.fields import COUNT, TEXT, Id, campaign_field

Json = Any
MAX = 1_000


class ListCampaigns(Form):
    """Which campaigns."""

    status: Literal["", "DRAFTED", "ACTIVE", "PAUSED", "STOPPED", "COMPLETED", "ARCHIVED"] = Field(
        default="", title="Status", description="All by default."
    )


class OfCampaign(Form):
    """Which campaign."""

    campaign_id: Id = campaign_field()


class Statistics(OfCampaign):
    """Which e-mails of a campaign."""

    email_status: Literal["", "opened", "clicked", "replied", "unsubscribed", "bounced"] = Field(
        default="", title="What happened", description="Any by default."
    )
    limit: int = Field(default=100, title="Limit", ge=1, le=MAX)


async def list_(request: ActionRequest) -> Outcome:
    """Campaigns and how each stands."""
    status = request.form(ListCampaigns).status
    campaigns = [one for one in await client.campaigns(request.service) if not status or one.get("status") == status]
    items = [
        {"id": one["id"], "name": one.get("name"), "status": one.get("status"), "created_at": one.get("created_at")} for one in campaigns
    ]
    return Done({"items": items, "count": len(items)}, f"{len(items)} campaigns")


async def statistics(request: ActionRequest) -> Outcome:
    """What became of each e-mail of a campaign."""
    form = request.form(Statistics)
    query = {"limit": form.limit, "offset": 0, "email_status": form.email_status or None}
    answer = await request.service.get(f"/campaigns/{segment(form.campaign_id.strip())}/statistics", query=query)
    items = client.items_at(answer, "data", "statistics")
    total = client.number_at(answer.body, "total_stats", "total_count")
    return Done({"items": items[: form.limit], "total": len(items) if total is None else total}, f"{len(items)} e-mails")


async def analytics(request: ActionRequest) -> Outcome:
    """The numbers of a campaign since it began."""
    uid = request.form(OfCampaign).campaign_id.strip()
    numbers = client.document_of(await request.service.get(f"/campaigns/{segment(uid)}/analytics"))
    return Done(dict(numbers), str(numbers.get("name") or uid))


LIST = connector_action(
    ListCampaigns,
    slug="listCampaigns",
    name="List campaigns",
    description="Reads campaigns and how each stands.",
    hint="reads",
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"id": {"type": ["integer", "string"]}, "name": TEXT, "status": TEXT, "created_at": TEXT},
                    "required": ["id"],
                },
            },
            "count": {"type": "integer"},
        },
        "required": ["items", "count"],
    },
    perform=list_,
)
STATISTICS = connector_action(
    Statistics,
    slug="getCampaignStatistics",
    name="Get what became of e-mails",
    description="Reads the e-mails of a campaign, and when each was sent, opened and answered.",
    hint="reads",
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": dict.fromkeys(("lead_email", "lead_name", "sent_time", "open_time", "click_time", "reply_time"), TEXT),
                },
            },
            "total": {"type": "integer"},
        },
        "required": ["items", "total"],
    },
    perform=statistics,
)
ANALYTICS = connector_action(
    OfCampaign,
    slug="getCampaignAnalytics",
    name="Get a campaign's numbers",
    description="Reads how many e-mails of a campaign were sent, opened, answered and sent back.",
    hint="reads",
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {
            "id": {"type": ["integer", "string", "null"]},
            "name": TEXT,
            "status": TEXT,
            **dict.fromkeys(("sent_count", "open_count", "click_count", "reply_count", "bounce_count"), COUNT),
        },
    },
    perform=analytics,
)
