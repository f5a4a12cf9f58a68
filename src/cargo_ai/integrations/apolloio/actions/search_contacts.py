"""The action `searchContacts`: people whom the team has saved in Apollo."""

from __future__ import annotations

from cargo_ai.integrations.apolloio.fields import CONTACT, any_of
from cargo_ai.integrations.apolloio.searching import Search, contacts, found, search
from cargo_ai.integrations.kit import ActionRequest, Outcome, connector_action


async def perform(request: ActionRequest) -> Outcome:
    """The contacts, page by page."""
    return await search(request.service, request.form(Search), contacts, "pagination.total_entries")


ACTION = connector_action(
    Search,
    slug="searchContacts",
    name="Search contacts",
    description="Finds people whom your team has saved in Apollo, by q_keywords, contact_stage_ids or contact_label_ids; costs nothing.",
    hint="reads",
    idempotency="reads",
    cacheable=lambda done: not done.warnings,
    output_schema=found(any_of(CONTACT)),
    perform=perform,
)
