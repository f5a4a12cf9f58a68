"""lemlist: brings leads into campaigns, says how far they have come, and keeps the list of those who are not written to."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.lemlist.account import ACCOUNT
from cargo_ai.integrations.lemlist.actions import (
    add_lead,
    delete_lead,
    find_lead,
    list_campaigns,
    subscriptions,
    update_lead,
    update_lead_status,
)
from cargo_ai.integrations.lemlist.choices import AUTOCOMPLETES
from cargo_ai.integrations.lemlist.client import SERVICE

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<circle cx="12" cy="12" r="9"/><path d="M12 3v18M3 12h18"/></svg>'
)

INTEGRATION = Integration(
    slug="lemlist",
    name="lemlist",
    description="Brings leads into campaigns, says how far they have come, and keeps the list of those who are not written to.",
    icon=_ICON,
    color="#316bff",
    url="https://www.lemlist.com",
    category="sales",
    account=ACCOUNT,
    service=SERVICE,
    actions=(
        add_lead.ACTION,
        update_lead.ACTION,
        find_lead.ACTION,
        update_lead_status.ACTION,
        delete_lead.ACTION,
        subscriptions.UNSUBSCRIBE,
        subscriptions.RESUBSCRIBE,
        list_campaigns.ACTION,
    ),
    autocompletes=AUTOCOMPLETES,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
