"""FullEnrich: finds addresses and mobile numbers of people in more than twenty sources, and who is behind an address."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.full_enrich.account import ACCOUNT
from cargo_ai.integrations.full_enrich.actions import enrich_contact, find_email, find_phone, get_credits, reverse_email_lookup
from cargo_ai.integrations.full_enrich.client import SERVICE
from cargo_ai.integrations.kit import Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M4 4h16l-6 8v7l-4-2v-5z"/></svg>'
)

INTEGRATION = Integration(
    slug="FullEnrich",
    name="FullEnrich",
    description="Finds addresses and mobile numbers of people in more than twenty sources, and who is behind an address.",
    icon=_ICON,
    color="#8164f4",
    url="https://fullenrich.com",
    category="enrichment",
    account=ACCOUNT,
    service=SERVICE,
    actions=(find_email.ACTION, find_phone.ACTION, enrich_contact.ACTION, reverse_email_lookup.ACTION, get_credits.ACTION),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
