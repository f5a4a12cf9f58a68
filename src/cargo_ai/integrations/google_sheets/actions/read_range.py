"""The action `readRange`: the rows of a sheet, or of a part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from cargo_ai.integrations.google_sheets.fields import OfSpreadsheet
from cargo_ai.integrations.google_sheets.ranges import Area, area_of
from cargo_ai.integrations.google_sheets.sheet import Sheet, blocks, has_values, sheet_of, values_of
from cargo_ai.integrations.kit import ActionRequest, Done, Outcome, Service, connector_action

Json = Any
MAX_ROWS = 10_000
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "columns": {"type": "array", "items": {"type": "string"}},
        "rows": {"type": "array", "items": {"type": "object"}},
        "rowsCount": {"type": "integer"},
        "hasMore": {"type": "boolean", "description": "Whether there are rows beyond `limit`."},
    },
    "required": ["columns", "rows", "rowsCount", "hasMore"],
    "additionalProperties": False,
}


class ReadRange(OfSpreadsheet):
    """What to read."""

    range: str = Field(default="", title="Range", description="Like A1:F200, A:F or 2:50; by default all of the sheet.", max_length=40)
    has_header: bool = Field(
        default=True, title="With a header", description="Whether the range's first row names the columns; else they are named A, B, C…"
    )
    formatted: bool = Field(default=False, title="As shown", description="Numbers as people see them, such as 1,200.00 €, instead of 1200.")
    limit: int = Field(default=1_000, title="Most rows", ge=1, le=MAX_ROWS)


async def perform(request: ActionRequest) -> Outcome:
    """Rows with at least one value, in their order."""
    form = request.form(ReadRange)
    area = area_of(form.range)
    sheet = await sheet_of(request.service, form.spreadsheet_id, form.sheet_name, area.first_row if form.has_header else 0)
    area = area.within(sheet.rows, sheet.columns)
    assert area.last_column is not None
    names = [*sheet.names, *[""] * sheet.columns][area.first_column : area.last_column + 1]
    rows = await _rows(request.service, sheet, area, names, form)
    columns = [name for name in dict.fromkeys(names) if name]
    output = {"columns": columns, "rows": rows[: form.limit], "rowsCount": min(len(rows), form.limit), "hasMore": len(rows) > form.limit}
    return Done(output, f"{output['rowsCount']}{'+' if output['hasMore'] else ''} rows")


async def _rows(service: Service, sheet: Sheet, area: Area, names: list[str], form: ReadRange) -> list[dict[str, Json]]:
    """The rows, one more than asked for where there are more."""
    rows: list[dict[str, Json]] = []
    below = replace(area, first_row=area.first_row + 1) if form.has_header else area
    async for block in blocks(service, sheet, below, formatted=form.formatted):
        rows += [values_of(names, cells) for cells in block.rows if has_values(cells)]
        if len(rows) > form.limit:
            break
    return rows


ACTION = connector_action(
    ReadRange,
    slug="readRange",
    name="Read a range",
    description="Reads the rows of a sheet, or of a part of it, as objects by the names of the columns.",
    hint="reads",
    idempotency="reads",
    output_schema=_OUTPUT,
    perform=perform,
)
