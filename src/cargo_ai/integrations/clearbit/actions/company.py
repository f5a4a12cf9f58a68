"""The actions `company_enrich`, `enrichCompany` and `enrichCompanyFromDomain`: one company by its domain, under each of its names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.clearbit.answering import answered
from cargo_ai.integrations.clearbit.providers import COMPANIES
from cargo_ai.integrations.kit import ActionRequest, ConnectorAction, Form, InvalidConfig, Outcome, connector_action, ui
from cargo_ai.integrations.kit.answering import ANSWERED_BY

Json = Any
TEXT: Mapping[str, Json] = {"type": ["string", "null"]}
NUMBER: Mapping[str, Json] = {"type": ["number", "null"]}


class CompanyEnrich(Form):
    """Which company it is."""

    domain: str = Field(title="Domain", min_length=1, max_length=500, json_schema_extra=ui(widget="ExpressionWidget"))


async def perform(request: ActionRequest) -> Outcome:
    """The company; `found` is false where it is not known."""
    domain = request.form(CompanyEnrich).domain.strip()
    if not domain:
        raise InvalidConfig("`domain` is empty.")
    return await answered(request, domain, COMPANIES)


def object_of(**properties: Mapping[str, Json]) -> Mapping[str, Json]:
    """The schema of an object."""
    return {"type": "object", "properties": properties}


_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "found": {"type": "boolean"},
        "id": TEXT,
        "name": TEXT,
        "domain": TEXT,
        "description": TEXT,
        "foundedYear": NUMBER,
        "location": TEXT,
        "category": object_of(industry=TEXT),
        "metrics": object_of(
            employees=NUMBER,
            employeesRange={**TEXT, "description": "1-10, 11-50, 51-250, 251-1K, 1K-5K …"},
            annualRevenue=NUMBER,
            estimatedAnnualRevenue=TEXT,
            raised=NUMBER,
        ),
        "geo": object_of(city=TEXT, state=TEXT, country=TEXT),
        "linkedin": object_of(handle=TEXT),
        "twitter": object_of(handle=TEXT),
        "facebook": object_of(handle=TEXT),
        "phone": TEXT,
        "logo": TEXT,
        "ticker": TEXT,
        "type": TEXT,
        "tags": {"type": "array"},
        "tech": {"type": "array"},
        "answeredBy": ANSWERED_BY,
    },
    "required": ["found", "name", "domain", "category", "metrics", "answeredBy"],
}

NAMES = ("company_enrich", "enrichCompany", "enrichCompanyFromDomain")


def _action(slug: str) -> ConnectorAction:
    return connector_action(
        CompanyEnrich,
        slug=slug,
        name="Enrich company",
        description="Finds one company by its domain; another service answers, for Clearbit takes no new customers.",
        hint="writes",
        # The one that answers is paid for it.
        idempotency="none",
        cacheable=lambda done: done.output["found"],
        output_schema=_OUTPUT,
        perform=perform,
        alias_of="" if slug == NAMES[0] else NAMES[0],
    )


ACTIONS = tuple(map(_action, NAMES))
