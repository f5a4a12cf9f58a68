"""Fields that forms share, and what is given of leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from cargo_ai.integrations.kit import ui, widget

Json = Any
EXPRESSION = ui(widget="ExpressionWidget")
TEXT: Mapping[str, Json] = {"type": ["string", "null"]}
COUNT: Mapping[str, Json] = {"type": ["string", "integer", "null"]}
"""A number; Smartlead writes some as texts."""
CAMPAIGN = widget("listCampaigns")


def _as_text(value: Json) -> Json:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int)]
"""An id, which Smartlead has as a number."""

LEAD: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "id": {"type": ["integer", "string"]},
        **dict.fromkeys(("email", "first_name", "last_name", "company_name", "phone_number", "website", "created_at"), TEXT),
        "custom_fields": {"type": ["object", "null"]},
        "lead_campaign_data": {"type": ["array", "null"], "items": {"type": "object"}, "description": "The campaigns that it is in."},
    },
    "required": ["id"],
}


def text_field(title: str) -> Any:
    """A text that may be left out."""
    return Field(default=None, title=title, max_length=5_000, json_schema_extra=EXPRESSION)


def email_field() -> Any:
    """The e-mail address of a lead."""
    return Field(title="E-mail address", min_length=3, max_length=320, json_schema_extra=EXPRESSION)


def campaign_field() -> Any:
    """The id of a campaign."""
    return Field(title="Campaign", min_length=1, max_length=50, json_schema_extra=CAMPAIGN)
