"""The action `findRows`: the rows that have a value in a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.google_sheets.cells import comparable, key_of
from cargo_ai.integrations.google_sheets.fields import ROW, Matching
from cargo_ai.integrations.google_sheets.ranges import Area
from cargo_ai.integrations.google_sheets.sheet import blocks, rows_by_key, sheet_of, values_of
from cargo_ai.integrations.kit import ActionRequest, Done, Outcome, connector_action

Json = Any
MAX_ROWS = 20
"""Each takes a call."""
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "found": {"type": "boolean"},
        "rowsCount": {"type": "integer", "description": "How many rows have the value, also beyond `limit`."},
        "rows": {"type": "array", "items": ROW},
    },
    "required": ["found", "rowsCount", "rows"],
    "additionalProperties": False,
}


class FindRows(Matching):
    """Which rows."""

    limit: int = Field(default=1, title="Most rows", ge=1, le=MAX_ROWS)


async def perform(request: ActionRequest) -> Outcome:
    """The first rows that have the value; `found` is false without one."""
    form = request.form(FindRows)
    key = key_of(form.matching_value)
    sheet = await sheet_of(request.service, form.spreadsheet_id, form.sheet_name, form.header_row)
    numbers = (await rows_by_key(request.service, sheet, form.matching_column)).get(key, [])
    rows: list[dict[str, Json]] = []
    position = sheet.column(form.matching_column)
    for number in numbers[: form.limit]:
        area = Area(number, 0, number, len(sheet.names) - 1)
        cells = [cells async for block in blocks(request.service, sheet, area) for cells in block.rows]
        # The row may have moved meanwhile.
        if cells and len(cells[0]) > position and comparable(cells[0][position]) == key:
            rows.append({"rowNumber": number, "values": values_of(sheet.names, cells[0])})
    return Done({"found": bool(rows), "rowsCount": len(numbers), "rows": rows}, f"{len(numbers)} rows")


ACTION = connector_action(
    FindRows,
    slug="findRows",
    name="Find rows",
    description="Finds the rows that have a value in a column.",
    hint="reads",
    idempotency="reads",
    output_schema=_OUTPUT,
    perform=perform,
)
