"""Fields that the forms of several actions share, and the schema of a lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form, ui, widget
from cargo_ai.integrations.kit.writes import is_null

Json = Any
Schema = Mapping[str, Json]

TEXT: Schema = {"type": ["string", "null"]}
LEAD: Schema = {
    "type": ["object", "null"],
    "description": "The lead, by lemlist's names.",
    "properties": {name: {} for name in ("_id", "email", "firstName", "lastName", "companyName", "campaignId", "campaignName", "isPaused")},
}


def text_field(title: str, description: str | None = None) -> Any:
    """A text that may be left out; an empty one counts as left out."""
    return Field(default="", title=title, description=description, max_length=5_000, json_schema_extra=ui(widget="ExpressionWidget"))


def required_text_field(title: str, description: str | None = None) -> Any:
    """A text that is needed."""
    return Field(title=title, description=description, min_length=1, max_length=1_000, json_schema_extra=ui(widget="ExpressionWidget"))


def campaign_field() -> Any:
    """A campaign."""
    return Field(title="Campaign", description="Its id (cam_…).", min_length=1, max_length=100, json_schema_extra=widget("listCampaigns"))


class LeadFields(Form):
    """What is known of a lead."""

    first_name: str = text_field("First name")
    last_name: str = text_field("Last name")
    company_name: str = text_field("Company")
    company_domain: str = text_field("Company's domain")
    job_title: str = text_field("Job title")
    linkedin_url: str = text_field("LinkedIn")
    phone: str = text_field("Telephone number")
    picture: str = text_field("Picture", "An address.")
    icebreaker: str = text_field("Icebreaker")
    timezone: str = text_field("Time zone", "Such as Europe/Paris.")

    def values(self) -> dict[str, Json]:
        """As lemlist names them, without what was left out."""
        known = {name: getattr(self, name) for name in LeadFields.model_fields}
        aliases = {name: field.alias or name for name, field in LeadFields.model_fields.items()}
        return {aliases[name]: text.strip() for name, text in known.items() if not is_null(text.strip())}


def with_lead(**properties: Schema) -> dict[str, Json]:
    """The output schema of an action about a lead."""
    return {"type": "object", "properties": {**properties, "lead": LEAD}, "required": [*properties, "lead"]}
