"""Smartlead: brings leads into campaigns of cold e-mails, and reads what became of them."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.smartlead.account import ACCOUNT
from cargo_ai.integrations.smartlead.actions import ACTIONS
from cargo_ai.integrations.smartlead.choices import AUTOCOMPLETES
from cargo_ai.integrations.smartlead.client import SERVICE
from cargo_ai.integrations.smartlead.extractors import EXTRACTORS

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M4 6h16v12H4zM4 8l8 5 8-5M14 20l6-4"/></svg>'
)

INTEGRATION = Integration(
    slug="smartlead",
    name="Smartlead",
    description="Brings leads into campaigns of cold e-mails, and reads what became of them.",
    icon=_ICON,
    color="#6d4aff",
    url="https://www.smartlead.ai",
    category="sales",
    account=ACCOUNT,
    service=SERVICE,
    actions=ACTIONS,
    extractors=EXTRACTORS,
    autocompletes=AUTOCOMPLETES,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
