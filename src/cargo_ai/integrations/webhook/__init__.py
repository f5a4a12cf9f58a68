"""Webhook: takes the events of other services at an address of this server, and starts tools with them."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.webhook.account import ACCOUNT

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M12 3v10m-4-4 4 4 4-4M4 15v5h16v-5"/></svg>'
)

INTEGRATION = Integration(
    slug="webhook",
    name="Webhook",
    description="Takes the events of other services at an address of its own, and starts tools or writes records with them.",
    icon=_ICON,
    color="#7c3aed",
    url="https://www.standardwebhooks.com",
    category="freeform",
    sub_categories=("developer",),
    account=ACCOUNT,
    service=None,
    actions=(),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
