"""Fields that the forms of several actions share, and the schemas of what they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import Field

from cargo_ai.integrations.kit import Form, ui

Json = Any
Schema = Mapping[str, Json]

_CREDITS: Schema = {
    "creditsSpent": {"type": "number", "description": "What the account was charged."},
    "creditsRemaining": {"type": ["number", "null"], "description": "What the account has left, where it was said."},
}


def text_field(title: str, description: str | None = None, most: int = 500) -> Any:
    """A text that may be left out; an empty one counts as left out."""
    return Field(default="", title=title, description=description, max_length=most, json_schema_extra=ui(widget="ExpressionWidget"))


def names_field() -> Any:
    """Which fields of records are given."""
    return Field(default=[], title="Fields", description="Names of fields to give, by default all; -name leaves one out.", max_length=200)


class Matching(Form):
    """What both kinds of enrichment know besides what is searched for."""

    min_likelihood: int | None = Field(
        default=None, ge=1, le=10, title="Least likelihood", description="How sure a match has to be, from 1 to 10; higher finds fewer."
    )
    required: str = text_field("Required", "What a match has to have, such as emails AND job_title.")
    titlecase: bool = Field(
        default=False, title="Title case", description="Capitalise what is given; People Data Labs writes all in lower case."
    )

    def query(self) -> dict[str, Json]:
        """As People Data Labs names it, without what was left out."""
        given = {name: _plain(value) for name, value in self.model_dump().items()}
        return {name: value for name, value in given.items() if value not in ("", None, False)}


def _plain(value: Json) -> Json:
    """As it stands in a query."""
    if isinstance(value, list):
        return ",".join(cast("list[str]", value))
    return value.strip() if isinstance(value, str) else value


def enriched(kind: str, fields: Sequence[str]) -> Schema:
    """The output of an enrichment."""
    return {
        "type": "object",
        "properties": {
            "found": {"type": "boolean"},
            "likelihood": {"type": ["integer", "null"], "description": "How sure the match is, from 1 to 10."},
            "data": {
                "type": ["object", "null"],
                "description": f"The {kind}, by the names of People Data Labs.",
                "properties": _any(fields),
            },
            **_CREDITS,
        },
        "required": ["found", "likelihood", "data", "creditsSpent", "creditsRemaining"],
    }


def searched(fields: Sequence[str]) -> Schema:
    """The output of a search."""
    return {
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "total": {"type": ["integer", "null"], "description": "How many there are in all."},
            "records": {"type": "array", "items": {"type": "object", "properties": _any(fields)}},
            "scrollToken": {"type": ["string", "null"], "description": "Continues the search; null: there are no more."},
            **_CREDITS,
        },
        "required": ["count", "total", "records", "scrollToken", "creditsSpent", "creditsRemaining"],
    }


def _any(fields: Sequence[str]) -> dict[str, Json]:
    """Fields of a record; plans without contact data have `true` where a value would stand."""
    return {name: {} for name in fields}


PERSON = (
    "id",
    "full_name",
    "first_name",
    "last_name",
    "linkedin_url",
    "work_email",
    "recommended_personal_email",
    "personal_emails",
    "mobile_phone",
    "phone_numbers",
    "job_title",
    "job_title_role",
    "job_title_levels",
    "job_company_name",
    "job_company_website",
    "job_company_size",
    "job_company_industry",
    "location_name",
    "location_country",
    "skills",
    "experience",
    "education",
)
COMPANY = (
    "id",
    "name",
    "display_name",
    "website",
    "linkedin_url",
    "size",
    "employee_count",
    "industry",
    "founded",
    "type",
    "ticker",
    "summary",
    "headline",
    "location",
    "tags",
)
