"""HTTP: the integration for any service that has no integration of its own."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.http.account import ACCOUNT
from cargo_ai.integrations.http.library import PAGES
from cargo_ai.integrations.http.request import REQUEST
from cargo_ai.integrations.kit import Integration, ServiceSpec

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2">'
    '<circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18"/></svg>'
)

INTEGRATION = Integration(
    slug="http",
    name="HTTP",
    description="Calls any service over HTTP: a method, an address, headers and a body.",
    icon=_ICON,
    color="#2563eb",
    url="https://httpwg.org",
    category="freeform",
    sub_categories=("developer",),
    account=ACCOUNT,
    service=ServiceSpec(base_url=lambda config: str(config.get("baseUrl") or "")),
    actions=(REQUEST,),
    file_lists=(PAGES,),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
