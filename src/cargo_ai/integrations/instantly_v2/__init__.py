"""Instantly: brings leads into campaigns of cold e-mails, and says how far they have come."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.instantly_v2.account import ACCOUNT
from cargo_ai.integrations.instantly_v2.actions import ACTIONS
from cargo_ai.integrations.instantly_v2.choices import AUTOCOMPLETES
from cargo_ai.integrations.instantly_v2.client import SERVICE
from cargo_ai.integrations.instantly_v2.extractors import EXTRACTORS
from cargo_ai.integrations.kit import Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M13 3 5 14h6l-1 7 8-11h-6z"/></svg>'
)

INTEGRATION = Integration(
    slug="instantlyV2",
    name="Instantly",
    description="Brings leads into campaigns of cold e-mails, and says how far they have come.",
    icon=_ICON,
    color="#2f6bff",
    url="https://instantly.ai",
    category="sales",
    account=ACCOUNT,
    service=SERVICE,
    actions=ACTIONS,
    extractors=EXTRACTORS,
    autocompletes=AUTOCOMPLETES,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
