"""Hunter: finds e-mail addresses of people and domains, verifies them, and says who is behind one."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.hunter.account import ACCOUNT
from cargo_ai.integrations.hunter.actions import enrich_person, find_email, search_domain, verify_email
from cargo_ai.integrations.hunter.client import SERVICE
from cargo_ai.integrations.kit import Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<circle cx="10" cy="10" r="6"/><path d="m15 15 5 5M7 10h6"/></svg>'
)

INTEGRATION = Integration(
    slug="hunter",
    name="Hunter",
    description="Finds e-mail addresses of people and domains, verifies them, and says who is behind one.",
    icon=_ICON,
    color="#fa5320",
    url="https://hunter.io",
    category="enrichment",
    account=ACCOUNT,
    service=SERVICE,
    actions=(find_email.ACTION, enrich_person.ACTION, search_domain.ACTION, verify_email.ACTION),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
