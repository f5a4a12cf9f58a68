"""The action `queryCompanies`: companies that fit a query in SQL; `searchCompanies` under the name that public recipes have for it."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Form, Outcome, connector_action
from cargo_ai.integrations.people_data_labs.fields import COMPANY, searched, text_field
from cargo_ai.integrations.people_data_labs.searching import MAX, Search, search


class QueryCompanies(Form):
    """What to search for."""

    query: str = text_field("SQL", "SELECT * FROM company WHERE …, without LIMIT.", 10_000)
    limit: int = Field(default=10, ge=1, le=MAX, title="At most", description="How many companies are given; each costs a credit.")


async def perform(request: ActionRequest) -> Outcome:
    """The companies, page by page."""
    form = request.form(QueryCompanies)
    return await search(request, "/company/search", Search(sql=form.query, limit=form.limit))


ACTION = connector_action(
    QueryCompanies,
    slug="queryCompanies",
    name="Query companies",
    description=f"Finds companies by a query in SQL, up to {MAX} at once; a credit for each.",
    hint="writes",
    idempotency="none",
    cacheable=lambda done: not done.warnings,
    output_schema=searched(COMPANY),
    perform=perform,
)
