"""The action `searchCompanies`: companies that fit a query."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, Outcome, connector_action
from cargo_ai.integrations.people_data_labs.fields import COMPANY, searched
from cargo_ai.integrations.people_data_labs.searching import MAX, Search, search


async def perform(request: ActionRequest) -> Outcome:
    """The companies, page by page."""
    return await search(request, "/company/search", request.form(Search))


ACTION = connector_action(
    Search,
    slug="searchCompanies",
    name="Search companies",
    description=f"Finds companies by a query, up to {MAX} at once; a credit for each.",
    hint="writes",
    idempotency="none",
    cacheable=lambda done: not done.warnings,
    output_schema=searched(COMPANY),
    perform=perform,
)
