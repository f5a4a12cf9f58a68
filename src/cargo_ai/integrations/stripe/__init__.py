"""Stripe: reads customers, subscriptions, invoices and charges, writes customers, and fills models with them."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.stripe.account import ACCOUNT
from cargo_ai.integrations.stripe.actions import ACTIONS
from cargo_ai.integrations.stripe.client import SERVICE
from cargo_ai.integrations.stripe.extractors import EXTRACTORS

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<rect x="3" y="5" width="18" height="14" rx="2"/><path d="M3 10h18M7 15h3"/></svg>'
)

INTEGRATION = Integration(
    slug="stripe",
    name="Stripe",
    description="Reads customers, subscriptions, invoices and charges, writes customers, and fills models with them.",
    icon=_ICON,
    color="#635bff",
    url="https://stripe.com",
    category="finance",
    account=ACCOUNT,
    service=SERVICE,
    actions=ACTIONS,
    extractors=EXTRACTORS,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
