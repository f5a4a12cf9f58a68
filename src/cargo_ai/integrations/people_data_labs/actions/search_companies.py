"""The action `searchCompanies`: companies that fit a query."""

from __future__ import annotations

from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.people_data_labs.fields import COMPANY, searched
from cargo_ai.integrations.people_data_labs.searching import MOST, Search, search


async def perform(request: ActionRequest) -> Outcome:
    """The companies, page by page."""
    return await search(request, "/company/search")


ACTION: ConnectorAction = Action(
    slug="searchCompanies",
    kind="connector",
    name="Search companies",
    description=f"Finds companies by a query, up to {MOST} at once; a credit for each.",
    does="acts",
    hint="writes",
    idempotency="none",
    cacheable=lambda done: not done.warnings,
    config_schema=schema_of(Search),
    ui_schema=ui_schema_of(Search),
    output_schema=searched(COMPANY),
    perform=perform,
)
