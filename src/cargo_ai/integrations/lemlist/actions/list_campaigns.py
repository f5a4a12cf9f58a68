"""The action `listCampaigns`: the campaigns of the team."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, connector_action
from cargo_ai.integrations.lemlist.client import campaigns

Json = Any
_FIELDS = ("_id", "name", "status", "labels", "createdAt")


class ListCampaigns(Form):
    """Which campaigns."""

    status: Literal["", "running", "draft", "archived", "ended", "paused", "errors"] = Field(
        default="", title="Status", description="By default all."
    )
    limit: int = Field(default=100, ge=1, le=1_000, title="At most", description="The newest first.")


async def perform(request: ActionRequest) -> Outcome:
    """The campaigns, page by page."""
    form = request.form(ListCampaigns)
    records: list[Json] = []
    async for page in campaigns(request.service, form.status or None):
        records += page.items
        if len(records) >= form.limit:
            break
    records = records[: form.limit]
    return Done({"count": len(records), "records": records}, f"{len(records)} found")


ACTION = connector_action(
    ListCampaigns,
    slug="listCampaigns",
    name="List campaigns",
    description="Lists the campaigns of the team.",
    hint="reads",
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "records": {"type": "array", "items": {"type": "object", "properties": {name: {} for name in _FIELDS}}},
        },
        "required": ["count", "records"],
    },
    perform=perform,
)
