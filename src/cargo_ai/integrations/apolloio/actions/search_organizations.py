"""The action `searchOrganizations`: companies that fit filters."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.fields import ORGANIZATION, any_of
from cargo_ai.integrations.apolloio.searching import Search, found, organizations, search
from cargo_ai.integrations.kit import ActionRequest, Outcome, connector_action


async def perform(request: ActionRequest) -> Outcome:
    """The companies, page by page."""
    return await search(request.service, request.form(Search), organizations, "total")


ACTION = connector_action(
    Search,
    slug="searchOrganizations",
    name="Search organisations",
    description="Finds companies by size, place, keywords and more; a credit for each page of up to 100.",
    hint="writes",
    idempotency="none",
    cacheable=lambda done: not done.warnings,
    output_schema=found(any_of((*ORGANIZATION, "account_id"))),
    perform=perform,
)
