"""Cargo: companies under the names of its own data, answered by a connector of another service."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.cargo.account import ACCOUNT
from cargo_ai.integrations.cargo.actions import enrich_business, match_business
from cargo_ai.integrations.kit import Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8"/></svg>'
)

INTEGRATION = Integration(
    slug="cargo",
    name="Cargo",
    description="Companies under the names of Cargo's data: matched, then firmographics and funding; another service answers.",
    icon=_ICON,
    color="#0f766e",
    url="https://www.getcargo.ai",
    category="enrichment",
    account=ACCOUNT,
    service=None,
    is_facade=True,
    actions=(match_business.ACTION, *enrich_business.ACTIONS),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
