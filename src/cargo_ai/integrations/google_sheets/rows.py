"""The extractor `rows`: the rows of a sheet as records of a model, named by a column of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.google_sheets.cells import comparable
from cargo_ai.integrations.google_sheets.fields import OfRows, column_field
from cargo_ai.integrations.google_sheets.ranges import Area
from cargo_ai.integrations.google_sheets.sheet import MAX_BLOCK_CELLS, Cells, Sheet, blocks, sheet_of, values_of
from cargo_ai.integrations.kit import Cursor, ExtractedPage, Extractor, ExtractRequest, InvalidConfig, SourceColumn, SourceShape

Json = Any
LOOK_BACK = 100
"""Rows that are read again before a page begins, so that it goes on after the last row also where rows were added or removed meanwhile."""
_SAMPLE = 200


class Rows(OfRows):
    """Which rows."""

    key_column: str = column_field(
        "Key", "The column whose values name the rows. A row without one is left out; of several with the same, one counts."
    )


async def _sheet(request: ExtractRequest) -> tuple[Sheet, Rows]:
    form = request.form(Rows)
    sheet = await sheet_of(request.service, form.spreadsheet_id, form.sheet_name, form.header_row)
    sheet.column(form.key_column)
    for name in sheet.names:
        if name and sheet.names.count(name) > 1:
            raise InvalidConfig(f"The sheet {sheet.title} has several columns {name}: a model needs different names.")
    return sheet, form


async def shape(request: ExtractRequest) -> SourceShape:
    """The columns that the header names; their types as the first rows have them."""
    sheet, form = await _sheet(request)
    sample: list[Cells] = []
    if sheet.header_row < sheet.rows:
        area = Area(sheet.header_row + 1, 0, min(sheet.rows, sheet.header_row + _SAMPLE), len(sheet.names) - 1)
        sample = [cells async for block in blocks(request.service, sheet, area) for cells in block.rows]
    columns = [
        SourceColumn(name, "string" if name == form.key_column.strip() else _type_of(sample, position), name)
        for position, name in enumerate(sheet.names)
        if name
    ]
    return SourceShape(tuple(columns), id=form.key_column.strip())


def _type_of(sample: Sequence[Cells], position: int) -> ColumnType:
    values = [cells[position] for cells in sample if len(cells) > position and cells[position] != ""]
    if values and all(isinstance(value, bool) for value in values):
        return "boolean"
    if values and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return "number"
    return "string"


async def pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    """Blocks of rows. A cursor is the number of the next row and the key of the last one."""
    sheet, form = await _sheet(request)
    first = sheet.header_row + 1
    position = sheet.column(form.key_column)
    size = max(LOOK_BACK + 1, MAX_BLOCK_CELLS // len(sheet.names) - LOOK_BACK)
    row, last = (int(cursor["row"]), str(cursor["last"])) if cursor else (first, "")
    while row <= sheet.rows:
        begin, end = max(first, row - LOOK_BACK) if last else row, min(sheet.rows, row + size - 1)
        rows: list[Cells] = []
        async for block in blocks(request.service, sheet, Area(begin, 0, end, len(sheet.names) - 1)):
            # What is left out at the end of a block is there all the same.
            rows += [[] for _ in range(block.first_row - begin - len(rows))]
            rows += block.rows
        keys = [comparable(cells[position]) if len(cells) > position else "" for cells in rows]
        skipped = _behind(keys, last, row - begin)
        records = {
            key: values_of(sheet.names, cells) | {sheet.names[position]: key}
            for key, cells in zip(keys[skipped:], rows[skipped:], strict=True)
            if key
        }
        last = next((key for key in reversed(keys) if key), last)
        row = end + 1
        yield ExtractedPage([*records.values()], {"row": row, "last": last} if row <= sheet.rows else None, row <= sheet.rows)
    if first > sheet.rows:
        yield ExtractedPage([], None, more=False)


def _behind(keys: Sequence[str], last: str, expected: int) -> int:
    """How many of these rows were read before: up to the last one's key, the one nearest to where it is expected."""
    places = [at + 1 for at, key in enumerate(keys[: expected + LOOK_BACK]) if key and key == last]
    if places:
        return min(places, key=lambda place: abs(place - expected))
    return 0 if last else expected


ROWS = Extractor(
    slug="rows",
    name="Rows of a sheet",
    description="The rows below the header, named by the values of a column. Each sync reads all of them.",
    form=Rows,
    shape=shape,
    pages=pages,
    is_incremental=False,
    min_interval=300,
)
