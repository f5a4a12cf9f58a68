"""The action `upsertRow`: add the row that has a key, or change the one that is there."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.google_sheets.cells import cell_of, comparable, key_of
from cargo_ai.integrations.google_sheets.fields import WRITTEN, Matching, Written, write_nulls_field
from cargo_ai.integrations.google_sheets.sheet import sheet_of
from cargo_ai.integrations.google_sheets.writing import MAX_BYTES, MAX_ROWS, Target, Wanted, wanted_cells, write
from cargo_ai.integrations.kit import InvalidConfig, RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import MatchPolicy


class UpsertRow(Matching, Written):
    """Which row, and what it shall hold."""

    match_policy: MatchPolicy = Field(
        default="upsert", title="What to do", description="upsert: add or change; updateOnly: never add; createOnly: never change."
    )
    write_nulls: bool = write_nulls_field()


def _wanted(form: UpsertRow) -> Wanted:
    cells = wanted_cells(form.values, formulas=form.formulas, write_nulls=form.write_nulls)
    key, name = key_of(form.matching_value), form.matching_column.strip()
    if name in cells and comparable(form.values[name]) != key and form.match_policy != "updateOnly":
        raise InvalidConfig(
            f"`values.{name}` differs from `matchingValue`: a repeated attempt would not find the row that the first one added."
        )
    return Wanted(cells, key, cell_of(form.matching_value, formulas=False))


async def _act(rows: Rows[UpsertRow]) -> None:
    wanted = rows.read(_wanted)
    if wanted:
        first = rows.first
        sheet = await sheet_of(rows.service, first.spreadsheet_id, first.sheet_name, first.header_row)
        await write(rows, wanted, Target(sheet, first.matching_column, first.match_policy))


ACTION = connector_action(
    UpsertRow,
    slug="upsertRow",
    name="Upsert a row",
    description="Adds a row, or changes the one that has the same value in a column. Of a batch, up to 500 rows go in one call.",
    hint="writes",
    idempotency="upsert",
    output_schema=WRITTEN,
    rows=RowBatch(
        batched(UpsertRow, _act),
        max=MAX_ROWS,
        most_bytes=MAX_BYTES,
        group_by=("spreadsheetId", "sheetName", "headerRow", "matchingColumn", "matchPolicy", "formulas", "writeNulls"),
    ),
)
