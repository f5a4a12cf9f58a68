"""Ranges in A1 notation on sheets, cells as values and as shown, and the two requests of `batchUpdate` that change cells."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, cast

from tests.simulators.google.answers import refused
from tests.simulators.google_sheets.control import FORMULA_SHOWS, Sheet, Spreadsheet

Json = Any
JsonObject = dict[str, Json]
_NAMED = re.compile(r"(?:(?:'((?:[^']|'')+)'|([A-Za-z0-9_]+))(?:!(.+))?)")
_CELLS = re.compile(r"([A-Z]{0,3})([0-9]*)(?::([A-Z]{0,3})([0-9]*))?")
_MAX_CHARACTERS = 50_000


class Range(NamedTuple):
    """A part of a sheet, from 0, the last ones included."""

    sheet: Sheet
    first_row: int
    first_column: int
    last_row: int
    last_column: int


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number - 1


def parse(spreadsheet: Spreadsheet, text: str) -> Range:
    """The cells that a range means."""
    problem = refused(400, f"Unable to parse range: {text}")
    sheet, cells = spreadsheet.sheets[0], text
    if not _CELLS.fullmatch(text) or text == "":
        named = _NAMED.fullmatch(text)
        if named is None:
            raise problem
        title = named[1].replace("''", "'") if named[1] else named[2]
        found = next((one for one in spreadsheet.sheets if one.title == title), None)
        if found is None:
            raise problem
        sheet, cells = found, named[3] or ""
    match = _CELLS.fullmatch(cells)
    if match is None:
        raise problem
    column, row, end_column, end_row = match.groups()
    if ":" not in cells and cells:
        end_column, end_row = column, row
    first = (int(row) - 1 if row else 0, _column(column) if column else 0)
    last = (int(end_row) - 1 if end_row else sheet.rows - 1, _column(end_column) if end_column else sheet.columns - 1)
    if first[0] >= sheet.rows or first[1] >= sheet.columns or (end_row and last[0] >= sheet.rows):
        raise refused(400, f"Range ({text}) exceeds grid limits. Max rows: {sheet.rows}, max columns: {sheet.columns}")
    return Range(sheet, *first, min(last[0], sheet.rows - 1), min(last[1], sheet.columns - 1))


def shown(value: Json) -> str:
    """A cell as people see it."""
    if isinstance(value, dict):
        return FORMULA_SHOWS
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return f"{value:g}" if isinstance(value, float) else str(value)


def rendered(value: Json, option: str) -> Json:
    """A cell as `valueRenderOption` asks for it."""
    if option == "FORMATTED_VALUE":
        return shown(value)
    if isinstance(value, dict):
        return cast("JsonObject", value)["formula"] if option == "FORMULA" else FORMULA_SHOWS
    return value


def rows_of(part: Range, option: str) -> list[list[Json]]:
    """The rows of a range, without empty ones at the end."""
    rows = [
        [rendered(value, option) for value in part.sheet.row(number, part.first_column, part.last_column)]
        for number in range(part.first_row, part.last_row + 1)
    ]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def apply(spreadsheet: Spreadsheet, requests: Json) -> list[JsonObject]:
    """The requests of a `batchUpdate`: all of them, or none."""
    if not isinstance(requests, list) or not requests:
        raise refused(400, "Must specify at least one request.")
    before = {sheet.id: dict(sheet.cells) for sheet in spreadsheet.sheets}
    try:
        for number, request in enumerate(cast("list[JsonObject]", requests)):
            ((kind, about),) = request.items()
            if kind not in _REQUESTS:
                raise refused(400, f"Invalid JSON payload received. Unknown name \"{kind}\" at 'requests[{number}]': Cannot find field.")
            _REQUESTS[kind](spreadsheet, f"requests[{number}].{kind}", about)
    except Exception:
        for sheet in spreadsheet.sheets:
            sheet.cells = before[sheet.id]
        raise
    return [{} for _ in cast("list[JsonObject]", requests)]


def _sheet(spreadsheet: Spreadsheet, number: int, where: str) -> Sheet:
    sheet = next((one for one in spreadsheet.sheets if one.id == number), None)
    if sheet is None:
        raise refused(400, f"Invalid {where}: No grid with id: {number}")
    return sheet


def _known(about: JsonObject, fields: set[str], where: str) -> None:
    for name in set(about) - fields:
        raise refused(400, f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field.")


def _update(spreadsheet: Spreadsheet, where: str, about: JsonObject) -> None:
    _known(about, {"start", "rows", "fields", "range"}, where)
    start = about["start"]
    sheet = _sheet(spreadsheet, int(start.get("sheetId", 0)), where)
    row, column = int(start.get("rowIndex", 0)), int(start.get("columnIndex", 0))
    for down, cells in enumerate(about["rows"]):
        if row + down >= sheet.rows or column + len(cells["values"]) > sheet.columns:
            raise refused(400, f"Invalid {where}: GridCoordinate.rowIndex[{row + down}] is after last row in grid[{sheet.rows}]")
        for across, cell in enumerate(cells["values"]):
            _write(sheet, (row + down, column + across), cell, where)


def _append(spreadsheet: Spreadsheet, where: str, about: JsonObject) -> None:
    _known(about, {"sheetId", "rows", "fields"}, where)
    sheet = _sheet(spreadsheet, int(about.get("sheetId", 0)), where)
    row = max((number for number, _ in sheet.cells), default=-1) + 1
    for down, cells in enumerate(about["rows"]):
        for across, cell in enumerate(cells.get("values", [])):
            _write(sheet, (row + down, across), cell, where)
    sheet.rows = max(sheet.rows, row + len(about["rows"]))


def _write(sheet: Sheet, place: tuple[int, int], cell: JsonObject, where: str) -> None:
    _known(cell, {"userEnteredValue"}, where)
    value = cell.get("userEnteredValue", {})
    _known(value, {"stringValue", "numberValue", "boolValue", "formulaValue"}, where)
    if not value:
        sheet.cells.pop(place, None)
        return
    ((kind, content),) = value.items()
    if len(str(content)) > _MAX_CHARACTERS:
        raise refused(400, "Your input contains more than the maximum of 50000 characters in a single cell.")
    if kind == "formulaValue" and not str(content).startswith("="):
        raise refused(400, f"Invalid {where}: A formula has to begin with =.")
    sheet.cells[place] = {"formula": content} if kind == "formulaValue" else content


_REQUESTS = {"updateCells": _update, "appendCells": _append}
