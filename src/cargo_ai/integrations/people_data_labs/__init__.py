"""People Data Labs: finds and completes people and companies."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.people_data_labs.account import ACCOUNT
from cargo_ai.integrations.people_data_labs.actions import enrich_company, enrich_person, query_companies, search_companies, search_people
from cargo_ai.integrations.people_data_labs.client import SERVICE

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<circle cx="9" cy="8" r="4"/><path d="M2 20a7 7 0 0 1 14 0M17 5h5M17 9h5M19 13h3"/></svg>'
)

INTEGRATION = Integration(
    slug="peopleDataLabs",
    name="People Data Labs",
    description="Finds and completes people and companies.",
    icon=_ICON,
    color="#7c3aed",
    url="https://www.peopledatalabs.com",
    category="enrichment",
    account=ACCOUNT,
    service=SERVICE,
    actions=(enrich_person.ACTION, enrich_company.ACTION, search_people.ACTION, search_companies.ACTION, query_companies.ACTION),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
