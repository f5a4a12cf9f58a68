"""The action `searchDomain`: e-mail addresses that are known of a domain."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.hunter.client import data_of
from cargo_ai.integrations.hunter.fields import FLAG, SCORE, SOURCES, TEXT, VERIFICATION, required_text_field
from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, connector_action
from cargo_ai.integrations.kit.errors import at

Json = Any
MAX = 10
"""As many addresses cost one credit."""

_DEPARTMENTS = (
    "executive, it, finance, management, sales, legal, support, hr, marketing, communication, education, design, health, operations."
)


class SearchDomain(Form):
    """Which addresses to find."""

    domain: str = required_text_field("Domain")
    type: Literal["all", "personal", "generic"] = Field(
        default="all", title="Type", description="personal: of a person; generic: of a role, such as contact@."
    )
    seniorities: list[Literal["junior", "senior", "executive"]] = Field(default=[], title="Seniorities", description="By default any.")
    departments: list[str] = Field(default=[], title="Departments", description=f"By default any. {_DEPARTMENTS}", max_length=20)
    required_fields: list[Literal["full_name", "position", "phone_number"]] = Field(
        default=[], title="Required fields", description="What has to be known of each person."
    )
    limit: int = Field(default=MAX, ge=1, le=MAX, title="At most", description="How many addresses are given.")


async def perform(request: ActionRequest) -> Outcome:
    """The addresses, the surest first."""
    form = request.form(SearchDomain)
    query = {
        "domain": form.domain.strip(),
        "type": None if form.type == "all" else form.type,
        "seniority": ",".join(form.seniorities) or None,
        "department": ",".join(form.departments) or None,
        "required_field": ",".join(form.required_fields) or None,
        "limit": form.limit,
    }
    answer = await request.service.get("/domain-search", query=query)
    data = data_of(answer)
    emails: list[Json] = data.get("emails") or []
    return Done({**data, "emails": emails, "total": next(at(answer.body, "meta.results"), None)}, f"{len(emails)} found")


ACTION = connector_action(
    SearchDomain,
    slug="searchDomain",
    name="Search domain",
    description="Finds e-mail addresses of a domain, with the people behind them.",
    hint="reads",
    # Hunter charges for the same search once in a billing period.
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {
            "domain": TEXT,
            "organization": TEXT,
            "pattern": {**TEXT, "description": "How addresses of the domain are made, such as {first}.{last}."},
            "accept_all": FLAG,
            "disposable": FLAG,
            "webmail": FLAG,
            "total": {"type": ["integer", "null"], "description": "How many addresses Hunter has."},
            "emails": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "value": TEXT,
                        "type": TEXT,
                        "confidence": SCORE,
                        "first_name": TEXT,
                        "last_name": TEXT,
                        "position": TEXT,
                        "seniority": TEXT,
                        "department": TEXT,
                        "linkedin": TEXT,
                        "twitter": TEXT,
                        "phone_number": TEXT,
                        "verification": VERIFICATION,
                        "sources": SOURCES,
                    },
                },
            },
        },
        "required": ["emails", "total"],
    },
    perform=perform,
)
