"""Searches: read page after page until there are enough results, and lose nothing that was paid for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Form, InvalidConfig, ServiceError, Throttled, ui
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.people_data_labs.client import PAGE, credits_of, pages
from cargo_ai.integrations.people_data_labs.fields import names_field, text_field

Json = Any
MAX = 10 * PAGE
"""Ten pages: as many calls as a default plan takes in a minute."""


class Search(Form):
    """What to search for: `query` or `sql`."""

    query: dict[str, Json] | None = Field(
        default=None, title="Query", description="In Elasticsearch's language.", json_schema_extra=ui(widget="ExpressionWidget")
    )
    sql: str = text_field("SQL", "SELECT * FROM person (or company) WHERE …, instead of a query; without LIMIT.", 10_000)
    limit: int = Field(default=10, ge=1, le=MAX, title="At most", description="How many records are given; each costs a credit.")
    scroll_token: str = text_field("Continue", "The `scrollToken` that an earlier search has given.", 2_000)
    data_include: list[str] = names_field()
    titlecase: bool = Field(default=False, title="Title case", description="Capitalise what is given.")


async def search(request: ActionRequest, path: str, form: Search) -> Done:
    """The records, up to `limit` of the form. What breaks after the first page ends the search with a warning, and with a
    token that continues it."""
    records: list[Json] = []
    total, spent, remaining = None, 0.0, None
    token: str | None = form.scroll_token.strip() or None
    warnings: tuple[str, ...] = ()
    try:
        async for page in pages(request.service, path, _body(form), form.limit, token):
            records += page.items
            token = page.meta
            cost, remaining = credits_of(page.answer)
            spent += cost
            total = next(at(page.answer.body, "total"), total)
            if len(records) >= form.limit:
                break
    except (ServiceError, Throttled) as error:
        if not records:
            raise
        warnings = (f"The search ended early, continue it by `scrollToken`: {error}",)
    output = {
        "count": len(records),
        "total": total,
        "records": records,
        "scrollToken": token,
        "creditsSpent": spent,
        "creditsRemaining": remaining,
    }
    return Done(output, f"{len(records)} found", warnings=warnings)


def _body(form: Search) -> Mapping[str, Json]:
    sql = form.sql.strip()
    if bool(form.query) is bool(sql):
        raise InvalidConfig("Give either `query` or `sql`.")
    body: dict[str, Json] = {"sql": sql} if sql else {"query": form.query if "query" in (form.query or {}) else {"query": form.query}}
    if form.data_include:
        body["data_include"] = ",".join(form.data_include)
    return body | ({"titlecase": True} if form.titlecase else {})
