"""The actions `enrichBusinessFirmographics` and `enrichBusinessFundingAndAcquisitions`: what is known of one matched company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.cargo import business
from cargo_ai.integrations.kit import ActionRequest, ConnectorAction, Done, Form, Outcome, connector_action, ui
from cargo_ai.integrations.kit.answering import ANSWERED_BY

Json = Any
Schema = Mapping[str, Json]
_TEXT: Schema = {"type": ["string", "null"]}
_NUMBER: Schema = {"type": ["number", "null"]}
_LIST: Schema = {"type": ["array", "null"], "description": "In the words of the one who answers."}

FIRMOGRAPHICS: Mapping[str, Schema] = {
    "name": _TEXT,
    "website": _TEXT,
    "business_description": _TEXT,
    "linkedin_industry_category": _TEXT,
    "linkedin_profile": _TEXT,
    "number_of_employees": _NUMBER,
    "number_of_employees_range": _TEXT,
    "yearly_revenue_range": _TEXT,
    "founded_year": _NUMBER,
    "country_name": _TEXT,
    "region_name": _TEXT,
    "city_name": _TEXT,
    "street": _TEXT,
    "zip_code": _TEXT,
    "ticker": _TEXT,
}
FUNDING: Mapping[str, Schema] = {
    "name": _TEXT,
    "known_funding_total_value": _NUMBER,
    "number_of_funding_rounds": _NUMBER,
    "last_funding_round_type": _TEXT,
    "last_funding_round_date": _TEXT,
    "funding_rounds": _LIST,
    "parent_company": {},
    "subsidiaries": _LIST,
}


class EnrichBusiness(Form):
    """Which company it is."""

    business_id: str | None = Field(
        default=None,
        title="Business id",
        description="As matchBusiness gives it; null gives nothing, and costs nothing.",
        max_length=500,
        alias="business_id",
        json_schema_extra=ui(widget="ExpressionWidget"),
    )


def _action(slug: str, name: str, description: str, fields: Mapping[str, Schema]) -> ConnectorAction:
    async def perform(request: ActionRequest) -> Outcome:
        """The company; `found` is false where nothing is known."""
        identity = (request.form(EnrichBusiness).business_id or "").strip()
        if not identity:
            return Done(business.unmatched(tuple(fields)), "Not matched")
        return await business.get(request, identity, tuple(fields))

    return connector_action(
        EnrichBusiness,
        slug=slug,
        name=name,
        description=description,
        hint="writes",
        idempotency="none",
        cacheable=lambda done: done.output["found"],
        output_schema={
            "type": "object",
            "properties": {
                "found": {"type": "boolean"},
                "business_id": _TEXT,
                **fields,
                "answeredBy": {**ANSWERED_BY, "type": ["object", "null"]},
            },
            "required": ["found", "business_id", *fields, "answeredBy"],
        },
        perform=perform,
    )


ACTIONS = (
    _action(
        "enrichBusinessFirmographics",
        "Enrich business: firmographics",
        "Gives industry, size, revenue, founding year and place of one matched company.",
        FIRMOGRAPHICS,
    ),
    _action(
        "enrichBusinessFundingAndAcquisitions",
        "Enrich business: funding and acquisitions",
        "Gives the funding rounds, the parent and the subsidiaries of one matched company.",
        FUNDING,
    ),
)
