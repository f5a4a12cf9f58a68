"""Pipedrive: reads and writes persons, organizations, deals and activities, with the custom fields of the account."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.pipedrive.account import ACCOUNT
from cargo_ai.integrations.pipedrive.actions import delete_record, find_record, find_records, insert_record, update_records, upsert_records
from cargo_ai.integrations.pipedrive.choices import AUTOCOMPLETES, SCHEMAS_OF_FORMS
from cargo_ai.integrations.pipedrive.client import SERVICE
from cargo_ai.integrations.pipedrive.extractors import EXTRACTORS

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<circle cx="13" cy="9" r="6"/><path d="M7 4v18"/></svg>'
)

INTEGRATION = Integration(
    slug="pipedrive",
    name="Pipedrive",
    description="Reads and writes persons, organizations, deals and activities, with the custom fields of the account.",
    icon=_ICON,
    color="#017737",
    url="https://www.pipedrive.com",
    category="sales",
    account=ACCOUNT,
    service=SERVICE,
    actions=(
        upsert_records.ACTION,
        update_records.ACTION,
        insert_record.ACTION,
        find_record.ACTION,
        find_records.ACTION,
        delete_record.ACTION,
    ),
    extractors=EXTRACTORS,
    autocompletes=AUTOCOMPLETES,
    schemas=SCHEMAS_OF_FORMS,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
