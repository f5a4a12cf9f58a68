"""Fields that forms share, and what is given of leads and campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ui, widget

Json = Any
EXPRESSION = ui(widget="ExpressionWidget")
TEXT: Mapping[str, Json] = {"type": ["string", "null"]}
NUMBER: Mapping[str, Json] = {"type": ["number", "null"]}
CAMPAIGN = widget("listCampaigns")
STATUSES: Mapping[int, str] = {1: "active", 2: "paused", 3: "completed", -1: "bounced", -2: "unsubscribed", -3: "skipped"}
CAMPAIGN_STATUSES: Mapping[int, str] = {
    0: "draft",
    1: "active",
    2: "paused",
    3: "completed",
    4: "runningSubsequences",
    -99: "accountSuspended",
    -1: "accountsUnhealthy",
    -2: "bounceProtect",
}
INTERESTS: Mapping[str, int | None] = {
    "lead": None,
    "outOfOffice": 0,
    "interested": 1,
    "meetingBooked": 2,
    "meetingCompleted": 3,
    "closed": 4,
    "notInterested": -1,
    "wrongPerson": -2,
}

LEAD: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "email": TEXT,
        "first_name": TEXT,
        "last_name": TEXT,
        "company_name": TEXT,
        "campaign": TEXT,
        "status": {**NUMBER, "description": "1 active, 2 paused, 3 completed, -1 bounced, -2 unsubscribed, -3 skipped."},
        "lt_interest_status": {**NUMBER, "description": "As updateLeadStatus sets it."},
        "email_open_count": NUMBER,
        "email_reply_count": NUMBER,
        "email_click_count": NUMBER,
        "timestamp_created": TEXT,
        "timestamp_updated": TEXT,
        "payload": {"type": ["object", "null"]},
    },
    "required": ["id"],
}


def text_field(title: str, description: str | None = None) -> Any:
    """A text that may be left out."""
    return Field(default=None, title=title, description=description, max_length=5_000, json_schema_extra=EXPRESSION)


def email_field() -> Any:
    """The e-mail address of a lead."""
    return Field(title="E-mail address", min_length=3, max_length=320, json_schema_extra=EXPRESSION)


def campaign_field() -> Any:
    """The id of a campaign."""
    return Field(title="Campaign", min_length=1, max_length=100, json_schema_extra=CAMPAIGN)
