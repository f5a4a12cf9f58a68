"""HubSpot: contacts, companies, deals and custom objects, their associations and lists."""

from __future__ import annotations

from importlib.resources import files
from typing import cast

from cargo_ai.engine.graph.action_registry import find_actions
from cargo_ai.integrations.hubspot.account import ACCOUNT
from cargo_ai.integrations.hubspot.choices import AUTOCOMPLETES, SCHEMAS_OF_FORMS
from cargo_ai.integrations.hubspot.client import SERVICE
from cargo_ai.integrations.hubspot.extractors import EXTRACTORS
from cargo_ai.integrations.kit import ConnectorAction, Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2">'
    '<circle cx="15" cy="14" r="5"/><path d="M15 9V5M11 11 5 6M11.5 17.5 8 21"/><circle cx="15" cy="4" r="1.5"/>'
    '<circle cx="4.5" cy="5.5" r="1.5"/></svg>'
)
# What is found there are connector actions: they are called with a request instead of a call.
_ACTIONS = cast("tuple[ConnectorAction, ...]", find_actions(f"{__name__}.actions"))

INTEGRATION = Integration(
    slug="hubspot",
    name="HubSpot",
    description="Reads and writes records of HubSpot: contacts, companies, deals, custom objects, their associations and lists.",
    icon=_ICON,
    color="#ff5c35",
    url="https://www.hubspot.com",
    category="sales",
    account=ACCOUNT,
    service=SERVICE,
    actions=_ACTIONS,
    extractors=EXTRACTORS,
    autocompletes=AUTOCOMPLETES,
    schemas=SCHEMAS_OF_FORMS,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
