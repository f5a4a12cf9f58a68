"""The action `searchOrganizations`: companies that fit filters."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.fields import ORGANIZATION, any_of
from cargo_ai.integrations.apolloio.searching import Search, found, organizations, search
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Outcome, schema_of, ui_schema_of


async def perform(request: ActionRequest) -> Outcome:
    """The companies, page by page."""
    return await search(request.service, request.form(Search), organizations, "total")


ACTION: ConnectorAction = Action(
    slug="searchOrganizations",
    kind="connector",
    name="Search organisations",
    description="Finds companies by size, place, keywords and more; a credit for each page of up to 100.",
    does="acts",
    hint="writes",
    idempotency="none",
    cacheable=lambda done: not done.warnings,
    config_schema=schema_of(Search),
    ui_schema=ui_schema_of(Search),
    output_schema=found(any_of((*ORGANIZATION, "account_id"))),
    perform=perform,
)
