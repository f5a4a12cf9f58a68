"""SQL: databases of your own, PostgreSQL and MySQL: read by SQL, insert and upsert rows of many runs at once."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.sql.account import SqlFields, account_of
from cargo_ai.integrations.sql.actions import execute, insert, query, upsert
from cargo_ai.integrations.sql.choices import AUTOCOMPLETES, SCHEMAS
from cargo_ai.integrations.sql.extractors import EXTRACTORS

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2">'
    '<ellipse cx="12" cy="5" rx="8" ry="3"/><path d="M4 5v14c0 1.7 3.6 3 8 3s8-1.3 8-3V5M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3"/></svg>'
)

INTEGRATION = Integration(
    slug="sql",
    name="SQL",
    description="Reads and writes the tables of a PostgreSQL, MySQL or MariaDB database.",
    icon=_ICON,
    color="#0f766e",
    url="https://www.iso.org/standard/76583.html",
    category="storage",
    sub_categories=("developer",),
    account=account_of(SqlFields),
    service=None,
    actions=(query.ACTION, execute.ACTION, insert.ACTION, upsert.ACTION),
    extractors=EXTRACTORS,
    autocompletes=AUTOCOMPLETES,
    schemas=SCHEMAS,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
