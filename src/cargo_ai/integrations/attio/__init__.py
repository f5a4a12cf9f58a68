"""Attio: people, companies, deals and custom objects, and the lists that they are in."""

from __future__ import annotations

from importlib.resources import files
from typing import cast

from cargo_ai.engine.graph.action_registry import find_actions
from cargo_ai.integrations.attio.account import ACCOUNT
from cargo_ai.integrations.attio.choices import AUTOCOMPLETES, SCHEMAS_OF_FORMS
from cargo_ai.integrations.attio.client import SERVICE
from cargo_ai.integrations.attio.extractors import EXTRACTORS
from cargo_ai.integrations.kit import ConnectorAction, Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2">'
    '<path d="M12 4 4 18h5l3-5 3 5h5z"/></svg>'
)
# What is found there are connector actions: they are called with a request instead of a call.
_ACTIONS = cast("tuple[ConnectorAction, ...]", find_actions(f"{__name__}.actions"))

INTEGRATION = Integration(
    slug="attio",
    name="Attio",
    description="Reads and writes records of Attio: people, companies, deals, custom objects, and the lists that they are in.",
    icon=_ICON,
    color="#266df0",
    url="https://attio.com",
    category="sales",
    account=ACCOUNT,
    service=SERVICE,
    actions=_ACTIONS,
    extractors=EXTRACTORS,
    autocompletes=AUTOCOMPLETES,
    schemas=SCHEMAS_OF_FORMS,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
