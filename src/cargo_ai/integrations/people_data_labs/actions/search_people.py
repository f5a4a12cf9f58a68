"""The action `searchPeople`: people that fit a query."""

from __future__ import annotations

from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.people_data_labs.fields import PERSON, searched
from cargo_ai.integrations.people_data_labs.searching import MOST, Search, search


async def perform(request: ActionRequest) -> Outcome:
    """The people, page by page."""
    return await search(request, "/person/search")


ACTION: ConnectorAction = Action(
    slug="searchPeople",
    kind="connector",
    name="Search people",
    description=f"Finds people by a query, up to {MOST} at once; a credit for each.",
    does="acts",
    hint="writes",
    idempotency="none",
    cacheable=lambda done: not done.warnings,
    config_schema=schema_of(Search),
    ui_schema=ui_schema_of(Search),
    output_schema=searched(PERSON),
    perform=perform,
)
