"""Fields that the forms of several actions share, and parts of what they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form, ui, widget
from cargo_ai.integrations.kit.writes import Mappings

Json = Any
Schema = Mapping[str, Json]

TEXT: Schema = {"type": ["string", "null"]}
ID_DESCRIPTION = "Its id in Apollo."


def text_field(title: str, description: str | None = None) -> Any:
    """A text that may be left out; an empty one counts as left out."""
    return Field(default="", title=title, description=description, max_length=1_000, json_schema_extra=ui(widget="ExpressionWidget"))


def required_text_field(title: str, description: str | None = None) -> Any:
    """A text that is needed."""
    return Field(title=title, description=description, min_length=1, max_length=1_000, json_schema_extra=ui(widget="ExpressionWidget"))


def chosen_field(title: str, autocomplete: str) -> Any:
    """An id that the account knows."""
    return Field(title=title, description=ID_DESCRIPTION, min_length=1, max_length=100, json_schema_extra=widget(autocomplete))


class ContactValues(Form):
    """What a contact shall have."""

    mappings: Mappings = Field(
        default={},
        title="Values",
        description="[{propertyName, value}] or {property: value}, by Apollo's names, such as first_name, title, organization_name.",
    )
    custom_mappings: Mappings = Field(
        default={},
        title="Custom fields",
        description="The same for custom fields, by their ids.",
        json_schema_extra=ui(options={"items": widget("listContactFields")["ui"]["options"]}),
    )
    write_nulls: bool = Field(default=False, title="Write nulls", description="Clear fields whose value is null or empty.")


def any_of(names: Sequence[str]) -> dict[str, Json]:
    """Fields of a record, of whatever type."""
    return {name: {} for name in names}


PERSON = (
    "id",
    "first_name",
    "last_name",
    "name",
    "title",
    "headline",
    "seniority",
    "departments",
    "email",
    "email_status",
    "linkedin_url",
    "city",
    "state",
    "country",
    "organization_id",
    "organization",
    "employment_history",
    "contact_id",
)
ORGANIZATION = (
    "id",
    "name",
    "website_url",
    "primary_domain",
    "linkedin_url",
    "phone",
    "industry",
    "industries",
    "keywords",
    "estimated_num_employees",
    "annual_revenue",
    "founded_year",
    "short_description",
    "city",
    "state",
    "country",
    "technology_names",
    "latest_funding_stage",
    "total_funding",
)
CONTACT = (
    "id",
    "first_name",
    "last_name",
    "name",
    "title",
    "email",
    "email_status",
    "organization_name",
    "account_id",
    "contact_stage_id",
    "owner_id",
    "emailer_campaign_ids",
    "label_ids",
    "typed_custom_fields",
    "created_at",
    "updated_at",
)
