"""Snowflake: queries and statements with bindings, rows that are inserted or upserted, tables that fill models."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.snowflake.account import ACCOUNT
from cargo_ai.integrations.snowflake.actions import execute, insert, query, upsert
from cargo_ai.integrations.snowflake.choices import AUTOCOMPLETES, SCHEMAS
from cargo_ai.integrations.snowflake.client import SERVICE
from cargo_ai.integrations.snowflake.extractor import TABLE

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M12 2v20M3.3 7l17.4 10M20.7 7L3.3 17M9 4l3 3 3-3M9 20l3-3 3 3"/></svg>'
)

INTEGRATION = Integration(
    slug="snowflake",
    name="Snowflake",
    description="Reads rows by SQL, executes statements, inserts and upserts rows of your warehouse.",
    icon=_ICON,
    color="#29b5e8",
    url="https://www.snowflake.com",
    category="storage",
    account=ACCOUNT,
    service=SERVICE,
    actions=(query.ACTION, execute.ACTION, insert.ACTION, upsert.ACTION),
    extractors=(TABLE,),
    autocompletes=AUTOCOMPLETES,
    schemas=SCHEMAS,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
