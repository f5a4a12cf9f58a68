"""The action `searchPeople`: people that fit filters; who they are in full, an enrichment tells."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.fields import any_of
from cargo_ai.integrations.apolloio.searching import Search, found, people, search
from cargo_ai.integrations.kit import ActionRequest, Outcome, connector_action

_FIELDS = ("id", "first_name", "last_name_obfuscated", "title", "has_email", "has_direct_phone", "organization")


async def perform(request: ActionRequest) -> Outcome:
    """The people, page by page."""
    return await search(request.service, request.form(Search), people, "total_entries")


ACTION = connector_action(
    Search,
    slug="searchPeople",
    name="Search people",
    description="Finds people by title, seniority, place and employer; costs nothing, and gives neither addresses nor full names.",
    hint="reads",
    idempotency="reads",
    cacheable=lambda done: not done.warnings,
    output_schema=found(any_of(_FIELDS)),
    perform=perform,
)
