"""The action `appendRow`: add a row after the last one."""

from __future__ import annotations

from cargo_ai.integrations.google_sheets.fields import WRITTEN, OfRows, Written
from cargo_ai.integrations.google_sheets.sheet import sheet_of
from cargo_ai.integrations.google_sheets.writing import MAX_BYTES, MAX_ROWS, Wanted, append, wanted_cells
from cargo_ai.integrations.kit import InvalidConfig, RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched


class AppendRow(OfRows, Written):
    """A row, and where it goes."""


def _wanted(form: AppendRow) -> Wanted:
    cells = wanted_cells(form.values, formulas=form.formulas, write_nulls=False)
    if not cells:
        raise InvalidConfig("`values` has no value: a row without any cannot be added.")
    return Wanted(cells)


async def _act(rows: Rows[AppendRow]) -> None:
    """Sheets has no key against doubles, so that a row whose outcome is unknown is not added again."""
    wanted = rows.read(_wanted)
    if wanted:
        first = rows.first
        sheet = await sheet_of(rows.service, first.spreadsheet_id, first.sheet_name, first.header_row)
        await append(rows, wanted, sheet)


ACTION = connector_action(
    AppendRow,
    slug="appendRow",
    name="Append a row",
    description="Adds a row after the last one. Of a batch, up to 500 rows go in one call.",
    hint="writes",
    idempotency="none",
    output_schema=WRITTEN,
    rows=RowBatch(
        batched(AppendRow, _act), max=MAX_ROWS, most_bytes=MAX_BYTES, group_by=("spreadsheetId", "sheetName", "headerRow", "formulas")
    ),
)
