"""The action `updateRows`: change every row that has a value in a column."""

from __future__ import annotations

from cargo_ai.integrations.google_sheets.cells import key_of
from cargo_ai.integrations.google_sheets.fields import WRITTEN, Matching, Written, write_nulls_field
from cargo_ai.integrations.google_sheets.sheet import sheet_of
from cargo_ai.integrations.google_sheets.writing import MAX_BYTES, MAX_ROWS, Target, Wanted, wanted_cells, write
from cargo_ai.integrations.kit import RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched


class UpdateRows(Matching, Written):
    """Which rows, and what they shall hold."""

    write_nulls: bool = write_nulls_field()


def _wanted(form: UpdateRows) -> Wanted:
    cells = wanted_cells(form.values, formulas=form.formulas, write_nulls=form.write_nulls)
    return Wanted(cells, key_of(form.matching_value))


async def _act(rows: Rows[UpdateRows]) -> None:
    wanted = rows.read(_wanted)
    if wanted:
        first = rows.first
        sheet = await sheet_of(rows.service, first.spreadsheet_id, first.sheet_name, first.header_row)
        await write(rows, wanted, Target(sheet, first.matching_column, "updateOnly", several=True))


ACTION = connector_action(
    UpdateRows,
    slug="updateRows",
    name="Update rows",
    description="Changes every row that has a value in a column; adds nothing. Of a batch, up to 500 go in one call.",
    hint="writes",
    idempotency="upsert",
    output_schema=WRITTEN,
    rows=RowBatch(
        batched(UpdateRows, _act),
        max=MAX_ROWS,
        most_bytes=MAX_BYTES,
        group_by=("spreadsheetId", "sheetName", "headerRow", "matchingColumn", "formulas", "writeNulls"),
    ),
)
