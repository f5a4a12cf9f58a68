"""The action `searchPeople`: people that fit filters; who they are in full, an enrichment tells."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.fields import any_of
from cargo_ai.integrations.apolloio.searching import Search, found, people, search
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Outcome, schema_of, ui_schema_of

_FIELDS = ("id", "first_name", "last_name_obfuscated", "title", "has_email", "has_direct_phone", "organization")


async def perform(request: ActionRequest) -> Outcome:
    """The people, page by page."""
    return await search(request.service, request.form(Search), people, "total_entries")


ACTION: ConnectorAction = Action(
    slug="searchPeople",
    kind="connector",
    name="Search people",
    description="Finds people by title, seniority, place and employer; costs nothing, and gives neither addresses nor full names.",
    does="acts",
    hint="reads",
    idempotency="reads",
    cacheable=lambda done: not done.warnings,
    config_schema=schema_of(Search),
    ui_schema=ui_schema_of(Search),
    output_schema=found(any_of(_FIELDS)),
    perform=perform,
)
