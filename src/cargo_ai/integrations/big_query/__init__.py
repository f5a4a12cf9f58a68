"""BigQuery: queries and statements with parameters, rows that are inserted or upserted, tables that fill models."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.big_query.account import ACCOUNT
from cargo_ai.integrations.big_query.actions import execute, insert, query, upsert
from cargo_ai.integrations.big_query.choices import AUTOCOMPLETES, SCHEMAS
from cargo_ai.integrations.big_query.client import SERVICE
from cargo_ai.integrations.big_query.extractor import TABLE
from cargo_ai.integrations.kit import Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<circle cx="11" cy="11" r="7"/><path d="M16 16l5 5M8 11v3M11 8v6M14 10v4"/></svg>'
)

INTEGRATION = Integration(
    slug="bigQuery",
    name="BigQuery",
    description="Reads rows by SQL, executes statements, inserts and upserts rows of your warehouse.",
    icon=_ICON,
    color="#4386fa",
    url="https://cloud.google.com/bigquery",
    category="storage",
    account=ACCOUNT,
    service=SERVICE,
    actions=(query.ACTION, execute.ACTION, insert.ACTION, upsert.ACTION),
    extractors=(TABLE,),
    autocompletes=AUTOCOMPLETES,
    schemas=SCHEMAS,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
