"""Write-backs of many rows: look where the rows are, then change and add all of them in one call, which Sheets does as a whole or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cargo_ai.integrations.google_sheets.cells import cell_of
from cargo_ai.integrations.google_sheets.client import path_of
from cargo_ai.integrations.google_sheets.sheet import Sheet, rows_by_key
from cargo_ai.integrations.kit import Failed, InvalidConfig, Service
from cargo_ai.integrations.kit.rows import Rows
from cargo_ai.integrations.kit.writes import MatchPolicy, Operation, assigned, written

Json = Any
Cell = Mapping[str, Json]
MAX_ROWS = 500
MAX_BYTES = 1_000_000
"""How large the configs of one batch are together: Google recommends bodies of at most 2 MB."""
MAX_MATCHES = 100
"""How many rows one run may change."""
_FIELDS = "userEnteredValue"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one run wants: cells by column, in the rows with this key; "": in a new row. key_cell: the key as a new row gets it."""

    cells: Mapping[str, Cell]
    key: str = ""
    key_cell: Cell = field(default_factory=dict[str, Json])


def wanted_cells(values: Mapping[str, Json], *, formulas: bool, write_nulls: bool) -> dict[str, Cell]:
    """The cells to write. InvalidConfig names a column whose value no cell can hold."""
    cells: dict[str, Cell] = {}
    for name, value in assigned(dict(values), write_nulls=write_nulls).items():
        try:
            cells[name] = cell_of(value, formulas=formulas)
        except InvalidConfig as error:
            raise InvalidConfig(f"`values.{name}`: {error}") from None
    return cells


@dataclass(slots=True)
class _Changes:
    """What a call is to do: cells of rows that are there, and new rows, each with what several runs want of it."""

    sheet: Sheet
    present: dict[int, dict[int, Cell]] = field(default_factory=dict[int, dict[int, Cell]])
    new: list[dict[int, Cell]] = field(default_factory=list[dict[int, Cell]])

    def requests(self) -> list[Json]:
        """As `batchUpdate` takes them."""
        requests = [
            {"updateCells": {"start": self._place(row, first), "rows": [{"values": cells}], "fields": _FIELDS}}
            for row, wanted in self.present.items()
            for first, cells in _segments(wanted)
        ]
        if self.new:
            rows = [{"values": [wanted.get(column, {}) for column in range(max(wanted, default=-1) + 1)]} for wanted in self.new]
            requests.append({"appendCells": {"sheetId": self.sheet.id, "rows": rows, "fields": _FIELDS}})
        return requests

    def _place(self, row: int, column: int) -> Json:
        return {"sheetId": self.sheet.id, "rowIndex": row - 1, "columnIndex": column}

    async def send(self, service: Service) -> None:
        """Do all of it, or nothing."""
        if requests := self.requests():
            await service.post(f"{path_of(self.sheet.spreadsheet_id)}:batchUpdate", json={"requests": requests})


def _segments(wanted: Mapping[int, Cell]) -> list[tuple[int, list[Cell]]]:
    """The cells of a row in pieces without gaps: what lies between is not touched."""
    pieces: list[tuple[int, list[Cell]]] = []
    for column in sorted(wanted):
        if pieces and pieces[-1][0] + len(pieces[-1][1]) == column:
            pieces[-1][1].append(wanted[column])
        else:
            pieces.append((column, [wanted[column]]))
    return pieces


def _by_position(rows: Rows[Any], wanted: Mapping[int, Wanted], sheet: Sheet) -> dict[int, dict[int, Cell]]:
    """The cells by the position of their column. Runs that name a column that there is not have failed."""
    placed: dict[int, dict[int, Cell]] = {}
    for position, row in wanted.items():
        try:
            placed[position] = {sheet.column(name): cell for name, cell in row.cells.items()}
        except InvalidConfig as error:
            rows.settle(position, Failed(str(error), reason="invalidConfig"))
    return placed


async def append(rows: Rows[Any], wanted: Mapping[int, Wanted], sheet: Sheet) -> None:
    """A new row for each run."""
    placed = _by_position(rows, wanted, sheet)
    await _Changes(sheet, new=[*placed.values()]).send(rows.service)
    for position in placed:
        rows.settle(position, _result(sheet, "created", []))


@dataclass(frozen=True, slots=True)
class Target:
    """What the runs of a batch have in common. several: a run may change every row that matches, not just one."""

    sheet: Sheet
    matching_column: str
    policy: MatchPolicy
    several: bool = False


async def write(rows: Rows[Any], wanted: Mapping[int, Wanted], target: Target) -> None:
    """Change the rows that have the key, and add those that are missing, as the policy allows."""
    sheet, key_column = target.sheet, target.sheet.column(target.matching_column)
    placed = _by_position(rows, wanted, sheet)
    if not placed:
        return
    present = await rows_by_key(rows.service, sheet, target.matching_column)
    changes, added = _Changes(sheet), dict[str, dict[int, Cell]]()
    results: dict[int, Any] = {}
    for position, cells in placed.items():
        key = wanted[position].key
        numbers = present.get(key, [])
        refusal = _refusal(target, key, numbers, is_added=key in added)
        if refusal is not None:
            rows.settle(position, refusal)
        elif numbers:
            for number in numbers:
                changes.present.setdefault(number, {}).update(cells)
            results[position] = _result(sheet, "updated" if cells else "unchanged", numbers)
        elif key in added:
            # An earlier row of this batch adds it.
            added[key].update(cells)
            results[position] = _result(sheet, "updated", [])
        else:
            added[key] = {key_column: wanted[position].key_cell, **cells}
            changes.new.append(added[key])
            results[position] = _result(sheet, "created", [])
    await changes.send(rows.service)
    for position, result in results.items():
        rows.settle(position, result)


def _refusal(target: Target, key: str, numbers: Sequence[int], *, is_added: bool) -> Any:
    """What becomes of a run that writes nothing, None where it may write."""
    sheet = target.sheet
    which = f"{target.matching_column} is {key}"
    if not numbers and not is_added and target.policy == "updateOnly":
        return written("skipped", None, reason=f"There is no such row in {sheet.title}: {which}.", more={"rowNumbers": []})
    if target.policy == "createOnly" and (numbers or is_added):
        return _result(sheet, "skipped", numbers, "The row exists.")
    if len(numbers) > (MAX_MATCHES if target.several else 1):
        text = f"{len(numbers)} rows of {sheet.title} have the same key ({which}): it is unclear which to change."
        return Failed(f"{text} Match by a column that names each row.", reason="ambiguous")
    return None


def _result(sheet: Sheet, operation: Operation, numbers: Sequence[int], reason: str | None = None) -> Any:
    first = numbers[0] if numbers else None
    more = {"rowNumbers": [*numbers]}
    return written(operation, None if first is None else str(first), url=sheet.url(first), reason=reason, more=more)
