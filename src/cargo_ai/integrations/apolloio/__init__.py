"""Apollo: finds and completes people and companies, keeps contacts, and writes to them in sequences."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.apolloio.account import ACCOUNT
from cargo_ai.integrations.apolloio.actions import (
    add_contact_to_sequence,
    create_contact,
    enrich_organization,
    enrich_person,
    remove_contact_from_sequence,
    search_contacts,
    search_email_accounts,
    search_organizations,
    search_people,
    update_contact,
    upsert_contact,
)
from cargo_ai.integrations.apolloio.choices import AUTOCOMPLETES
from cargo_ai.integrations.apolloio.client import SERVICE
from cargo_ai.integrations.kit import Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<circle cx="12" cy="12" r="9"/><path d="m8 16 4-9 4 9M9.5 13h5"/></svg>'
)

INTEGRATION = Integration(
    slug="apolloio",
    name="Apollo",
    description="Finds and completes people and companies, keeps contacts, and writes to them in sequences.",
    icon=_ICON,
    color="#e9c300",
    url="https://www.apollo.io",
    category="enrichment",
    account=ACCOUNT,
    service=SERVICE,
    actions=(
        enrich_person.ACTION,
        enrich_organization.ACTION,
        search_people.ACTION,
        search_organizations.ACTION,
        search_contacts.ACTION,
        create_contact.ACTION,
        update_contact.ACTION,
        upsert_contact.ACTION,
        add_contact_to_sequence.ACTION,
        remove_contact_from_sequence.ACTION,
        search_email_accounts.ACTION,
    ),
    autocompletes=AUTOCOMPLETES,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
