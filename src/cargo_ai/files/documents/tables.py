"""Tables: each row of a CSV file or a sheet as a line that names its columns, so that a row is understood without the others."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time

from cargo_ai.files.documents.blocks import Block, Note

MAX_ROWS = 200_000
MAX_COLUMNS = 500
_MAX_HEADER = 100
_LONGEST_CELL = 10_000


def rows_of(rows: Iterable[Sequence[object]], sheet: str | None = None) -> Iterator[Block | Note]:
    """The rows of a table. The first row that is not empty names the columns."""
    names: list[str] | None = None
    is_too_wide = False
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            yield Note(f"Only the first {MAX_ROWS:,} rows{f' of {sheet}' if sheet else ''} were read.")
            return
        if len(row) > MAX_COLUMNS and not is_too_wide:
            is_too_wide = True
            yield Note(f"Only the first {MAX_COLUMNS} columns{f' of {sheet}' if sheet else ''} were read.")
        cells = [_text(cell) for cell in row[:MAX_COLUMNS]]
        if not any(cells):
            continue
        if names is None:
            names = [cell[:_MAX_HEADER] for cell in cells]
            if sum(map(bool, names)) > 1:
                yield Block("Columns: " + ", ".join(name for name in names if name), sheet=sheet, row=number)
                continue
        if len([cell for cell in cells if cell]) == 1 and len(cells) <= 1:
            yield Block(cells[0], sheet=sheet, row=number)
            continue
        pairs = [(names[at] if at < len(names) else "", cell) for at, cell in enumerate(cells) if cell]
        yield Block("; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs), sheet=sheet, row=number)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():  # a workbook knows no days, only moments: a day is its midnight
        return cell.date().isoformat()
    return " ".join(str(cell)[:_LONGEST_CELL].split())


def csv_rows(text: str) -> Iterator[Block | Note]:
    """The rows of a CSV text; what parts its columns is what its first lines have most of."""
    head = "\n".join(text[:20_000].splitlines()[:20])
    delimiter = max(",;\t|", key=head.count)
    return rows_of(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
