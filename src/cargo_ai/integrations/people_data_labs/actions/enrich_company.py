"""The action `enrichCompany`: all that is known of one company."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, InvalidConfig, Outcome, connector_action
from cargo_ai.integrations.people_data_labs.enriching import enrich, may_repeat
from cargo_ai.integrations.people_data_labs.fields import COMPANY, Matching, enriched, text_field

_ENOUGH = {"pdl_id", "name", "website", "profile", "ticker"}


class EnrichCompany(Matching):
    """Which it is: the more is given, the surer is the match."""

    website: str = text_field("Website", "Or domain.")
    name: str = text_field("Name")
    profile: str = text_field("Profile", "Of LinkedIn, Facebook, Twitter or Crunchbase.")
    ticker: str = text_field("Ticker", "Of a company that is traded.")
    location: str = text_field("Place", "Of its headquarters, in any form.")
    locality: str = text_field("City")
    region: str = text_field("Region")
    country: str = text_field("Country")
    pdl_id: str = text_field("Id", "Of People Data Labs.")


async def perform(request: ActionRequest) -> Outcome:
    """The company that fits best."""
    query = request.form(EnrichCompany).query()
    if not query.keys() & _ENOUGH:
        raise InvalidConfig("Give a `website`, `name`, `profile`, `ticker` or `pdlId`.")
    return await enrich(request, "/company/enrich", query, "name")


ACTION = connector_action(
    EnrichCompany,
    slug="enrichCompany",
    name="Enrich company",
    description="Finds one company by website, name, profile or ticker, with all that is known; a credit for a match.",
    hint="writes",
    idempotency="none",
    cacheable=may_repeat,
    output_schema=enriched("company", COMPANY),
    perform=perform,
)
