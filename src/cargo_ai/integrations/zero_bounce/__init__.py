"""ZeroBounce: says whether an e-mail address can be written to, before it is."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.zero_bounce.account import ACCOUNT
from cargo_ai.integrations.zero_bounce.actions import get_credits, verify_email
from cargo_ai.integrations.zero_bounce.client import SERVICE

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M3 6h18v12H3zM3 7l9 6 9-6"/></svg>'
)

INTEGRATION = Integration(
    slug="zeroBounce",
    name="ZeroBounce",
    description="Says whether an e-mail address can be written to, before it is.",
    icon=_ICON,
    color="#f7b500",
    url="https://www.zerobounce.net",
    category="enrichment",
    account=ACCOUNT,
    service=SERVICE,
    actions=(verify_email.ACTION, get_credits.ACTION),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
