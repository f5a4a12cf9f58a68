"""Google Sheets: find a sheet, read its header row and its rows in blocks, and index rows by the value of a column."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.integrations.google_sheets.cells import comparable
from cargo_ai.integrations.google_sheets.client import path_of
from cargo_ai.integrations.google_sheets.ranges import Area, letters, quoted, spreadsheet_of
from cargo_ai.integrations.kit import InvalidConfig, Service, object_of, segment
from cargo_ai.integrations.kit.errors import at

Json = Any
Cells = Sequence[Json]
MAX_BLOCK_CELLS = 20_000
"""How many cells are read by one call: an answer may have 4 MB."""
_SHOWN = 30
_PROPERTIES = "properties(sheetId,title,gridProperties(rowCount,columnCount))"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet (tab). names: of its columns, by position; an empty one has none. header_row: where they stand; 0: nowhere, the letters are
    the names."""

    spreadsheet_id: str
    id: int
    title: str
    rows: int
    columns: int
    header_row: int
    names: tuple[str, ...]

    def column(self, name: str) -> int:
        """The position of a column. InvalidConfig where it is missing, or several."""
        count = self.names.count(name.strip()) if name.strip() else 0
        if count == 1:
            return self.names.index(name.strip())
        if count:
            raise InvalidConfig(f"The sheet {self.title} has several columns {name}: it is not clear which is meant.")
        has = ", ".join([known for known in self.names if known][:_SHOWN])
        raise InvalidConfig(f"The sheet {self.title} has no column {name} in row {self.header_row}; it has: {has}.")

    def url(self, row: int | None = None) -> str:
        """Where people see it, or one of its rows."""
        place = "" if row is None else f"&range={row}:{row}"
        return f"https://docs.google.com/spreadsheets/d/{self.spreadsheet_id}/edit#gid={self.id}{place}"


async def sheet_of(service: Service, spreadsheet: str, sheet_name: str, header_row: int) -> Sheet:
    """A sheet; "": the first one. header_row: 0 for one without. InvalidConfig where it has no cells, or no names in that row."""
    spreadsheet_id = spreadsheet_of(spreadsheet)
    row = header_row or 1
    place = f"{quoted(sheet_name)}!{row}:{row}" if sheet_name else f"{row}:{row}"
    fields = f"sheets({_PROPERTIES},data(rowData(values(formattedValue))))"
    answer = await service.get(path_of(spreadsheet_id), query={"ranges": place, "fields": fields})
    for sheet in at(answer.body, "sheets.*"):
        grid = next(at(sheet, "properties.gridProperties"), None)
        if not grid:
            break
        cells = [str(cell.get("formattedValue") or "").strip() for cell in at(sheet, "data.0.rowData.0.values.*")]
        names = tuple(cells) if header_row else tuple(letters(column) for column in range(grid["columnCount"]))
        properties = sheet["properties"]
        if not any(names):
            raise InvalidConfig(f"Row {header_row} of the sheet {properties['title']} names no columns.")
        # Sheets leaves out what is 0, which the first sheet of each spreadsheet is.
        number = int(properties.get("sheetId") or 0)
        return Sheet(spreadsheet_id, number, properties["title"], grid["rowCount"], grid["columnCount"], header_row, names)
    raise InvalidConfig("The sheet has no cells: it is a chart, or is connected to a source of data.")


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that follow each other: the number of the first, and the cells of each. Sheets leaves out empty ones at the end."""

    first_row: int
    rows: Sequence[Cells]


async def blocks(service: Service, sheet: Sheet, area: Area, *, formatted: bool = False) -> AsyncIterator[Block]:
    """The rows of an area that lies on the sheet, in blocks, each asked for when it is wanted. formatted: as people see them."""
    assert area.last_row is not None and area.last_column is not None
    width = area.last_column - area.first_column + 1
    size = max(1, MAX_BLOCK_CELLS // width)
    for first in range(area.first_row, area.last_row + 1, size):
        last = min(area.last_row, first + size - 1)
        part = Area(first, area.first_column, last, area.last_column)
        query = {
            "valueRenderOption": "FORMATTED_VALUE" if formatted else "UNFORMATTED_VALUE",
            # As a number a date would say nothing.
            "dateTimeRenderOption": "FORMATTED_STRING",
        }
        answer = await service.get(f"{path_of(sheet.spreadsheet_id)}/values/{segment(part.text(sheet.title))}", query=query)
        yield Block(first, cast("list[Cells]", object_of("Google Sheets", answer).get("values") or []))


async def rows_by_key(service: Service, sheet: Sheet, column: str) -> dict[str, list[int]]:
    """The numbers of the rows below the header, by what a column says."""
    position = sheet.column(column)
    by_key: dict[str, list[int]] = {}
    if sheet.header_row >= sheet.rows:
        return by_key
    async for block in blocks(service, sheet, Area(sheet.header_row + 1, position, sheet.rows, position)):
        for number, cells in enumerate(block.rows, block.first_row):
            key = comparable(cells[0]) if cells else ""
            if key:
                by_key.setdefault(key, []).append(number)
    return by_key


def values_of(names: Sequence[str], cells: Cells) -> dict[str, Json]:
    """A row by its columns; those without a name are left out, what is empty is null."""
    padded = [*cells, *[None] * (len(names) - len(cells))]
    return {name: None if value == "" else value for name, value in zip(names, padded, strict=False) if name}


def has_values(cells: Cells) -> bool:
    """Whether anything stands in a row."""
    return any(value not in ("", None) for value in cells)
