"""Integrations: the catalogue of services, each with its actions and its documentation."""

from __future__ import annotations

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.markdown import rendered
from cargo_ai.console.page import PageRequest, page

_READ = "connection:read"


async def integrations(request: PageRequest) -> Response:
    """The services, those that match."""
    search = request.query.get("search", "").strip()
    filters = {"search": search} if search else {}
    rows = (await request.call("connection.integration.list", filters))["integrations"]
    category = request.query.get("category", "")
    return request.render(
        "connection/integrations.html",
        command=line("connection integration list", {**filters, "category": category or None}),
        integrations=[row for row in rows if not category or row["category"] == category],
        categories=sorted({row["category"] for row in rows}),
        search=search,
        category=category,
    )


async def integration(request: PageRequest) -> Response:
    """One service."""
    slug = request.path["slug"]
    row = (await request.call("connection.integration.get", {"slug": slug}))["integration"]
    text = (await request.answer("connection.integration.getDocumentation", {"slug": slug})).text
    connectors = (await request.call("connection.connector.list", {"integrationSlug": slug}))["connectors"]
    return request.render(
        "connection/integration.html",
        command=[f"cargo-ai connection integration get {slug}", f"cargo-ai connection integration get-documentation {slug}"],
        title=row["name"],
        integration=row,
        documentation=rendered(text),
        connectors=connectors,
        can_write=request.may("connection:write"),
    )


PAGES = [
    page("/integrations", integrations, title="Integrations", section="Integrations", permission=_READ),
    page("/integrations/{slug}", integration, title="Integration", section="Integrations", permission=_READ),
]
