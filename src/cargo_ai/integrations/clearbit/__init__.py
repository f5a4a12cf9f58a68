"""Clearbit: closed to new customers; companies and people under its names, answered by a connector of another service."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.clearbit.account import ACCOUNT
from cargo_ai.integrations.clearbit.actions import company, person
from cargo_ai.integrations.kit import Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<rect x="4" y="4" width="16" height="16" rx="4"/><path d="M12 4v16"/></svg>'
)

INTEGRATION = Integration(
    slug="clearbit",
    name="Clearbit",
    description="Companies and people under Clearbit's names; another service answers, for Clearbit takes no new customers.",
    icon=_ICON,
    color="#499df3",
    url="https://clearbit.com",
    category="enrichment",
    account=ACCOUNT,
    service=None,
    is_facade=True,
    actions=(*company.ACTIONS, *person.ACTIONS),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
