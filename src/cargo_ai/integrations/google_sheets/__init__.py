"""Google Sheets: rows of spreadsheets, read, found, added and changed by a key."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.google_sheets.account import ACCOUNT
from cargo_ai.integrations.google_sheets.actions import append_row, find_rows, read_range, update_rows, upsert_row
from cargo_ai.integrations.google_sheets.choices import AUTOCOMPLETES, SCHEMAS
from cargo_ai.integrations.google_sheets.client import SERVICE
from cargo_ai.integrations.google_sheets.rows import ROWS
from cargo_ai.integrations.kit import Integration

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2">'
    '<path d="M5 3h14v18H5zM5 9h14M5 15h14M12 9v12"/></svg>'
)

INTEGRATION = Integration(
    slug="googleSheets",
    name="Google Sheets",
    description="Reads and finds rows of spreadsheets, adds rows and changes them by a key.",
    icon=_ICON,
    color="#188038",
    url="https://sheets.google.com",
    category="storage",
    account=ACCOUNT,
    service=SERVICE,
    actions=(read_range.ACTION, find_rows.ACTION, append_row.ACTION, upsert_row.ACTION, update_rows.ACTION),
    extractors=(ROWS,),
    autocompletes=AUTOCOMPLETES,
    schemas=SCHEMAS,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
