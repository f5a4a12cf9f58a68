"""Salesforce: records of standard and custom objects."""

from __future__ import annotations

from importlib.resources import files
from typing import cast

from cargo_ai.engine.graph.action_registry import find_actions
from cargo_ai.integrations.kit import ConnectorAction, Integration
from cargo_ai.integrations.salesforce.account import ACCOUNT
from cargo_ai.integrations.salesforce.choices import AUTOCOMPLETES, SCHEMAS_OF_FORMS
from cargo_ai.integrations.salesforce.client import SERVICE
from cargo_ai.integrations.salesforce.extractors import EXTRACTORS

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2">'
    '<path d="M7 18a4 4 0 0 1-1-7.9A5 5 0 0 1 15 7a5.5 5.5 0 0 1 2 10.8"/><path d="M9 21h8M9 18h8"/></svg>'
)
# What is found there are connector actions: they are called with a request instead of a call.
_ACTIONS = cast("tuple[ConnectorAction, ...]", find_actions(f"{__name__}.actions"))

INTEGRATION = Integration(
    slug="salesforce",
    name="Salesforce",
    description="Reads and writes records of Salesforce: accounts, contacts, leads, opportunities and custom objects.",
    icon=_ICON,
    color="#00a1e0",
    url="https://www.salesforce.com",
    category="sales",
    account=ACCOUNT,
    service=SERVICE,
    actions=_ACTIONS,
    extractors=EXTRACTORS,
    autocompletes=AUTOCOMPLETES,
    schemas=SCHEMAS_OF_FORMS,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
