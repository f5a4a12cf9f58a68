"""What the imitation of Google Sheets keeps: spreadsheets, tokens, the calls of this minute; and what a test may order."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.google.answers import UNAUTHENTICATED, refused
from tests.simulators.google.sign_in import Tokens

Json = Any
SPREADSHEET = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms"
FORMULA_SHOWS = "(computed)"


@dataclass(frozen=True)
class Numbers:
    """reads, writes: calls in a minute."""

    reads: int = 60
    writes: int = 60


@dataclass
class Sheet:
    """A sheet: its grid, and cells by (row, column) from 0; a formula is {"formula": text}."""

    id: int
    title: str
    rows: int = 1000
    columns: int = 26
    cells: dict[tuple[int, int], Json] = field(default_factory=dict[tuple[int, int], Json])

    def values(self) -> list[list[Json]]:
        """All rows up to the last one with data, each up to its last cell."""
        last = max((row for row, _ in self.cells), default=-1)
        return [self.row(number, 0, self.columns - 1) for number in range(last + 1)]

    def row(self, number: int, first: int, last: int) -> list[Json]:
        """A part of a row, without empty cells at its end."""
        cells = [self.cells.get((number, column), "") for column in range(first, last + 1)]
        while cells and cells[-1] == "":
            cells.pop()
        return cells

    def put(self, row: int, values: list[Json]) -> None:
        """Write a row from its first column; "" leaves a cell empty."""
        for column, value in enumerate(values):
            if value != "":
                self.cells[(row, column)] = value

    def append(self, values: list[Json]) -> None:
        """A row behind the last one."""
        self.put(max((row for row, _ in self.cells), default=-1) + 1, values)


@dataclass
class Spreadsheet:
    """Some sheets. is_shared: whether the account may open it."""

    id: str
    title: str
    sheets: list[Sheet]
    is_shared: bool = True


class Control(Orders):
    """The state of the simulator and the orders of a test."""

    def __init__(self, numbers: Numbers | None = None) -> None:
        self.numbers = numbers or Numbers()
        super().__init__()

    def reset(self) -> None:
        """Back to an account with one spreadsheet: a sheet of people and an empty one."""
        super().reset()
        people = Sheet(0, "People")
        people.put(0, ["Email", "Name", "Score", "Note"])
        people.put(1, ["ada@example.com", "Ada", 3, ""])
        people.put(2, ["bob@example.com", "Bob", 1.5, "x"])
        self.spreadsheets = {SPREADSHEET: Spreadsheet(SPREADSHEET, "Leads", [people, Sheet(17, "It's empty")])}
        self.tokens = Tokens()
        self.api_enabled = True
        self._calls: dict[str, list[float]] = {"Read": [], "Write": []}

    @property
    def people(self) -> Sheet:
        """The first sheet."""
        return self.spreadsheets[SPREADSHEET].sheets[0]

    def admit(self, authorization: str, kind: str) -> None:
        """Sign in and count a call. kind: Read or Write."""
        if not self.tokens.admits(authorization):
            raise refused(401, UNAUTHENTICATED)
        if not self.api_enabled:
            text = "Google Sheets API has not been used in project 4711 before or it is disabled."
            raise refused(403, text, "SERVICE_DISABLED")
        now = time.monotonic()
        calls = self._calls[kind] = [at for at in self._calls[kind] if at > now - 60.0]
        most = self.numbers.reads if kind == "Read" else self.numbers.writes
        if len(calls) >= most:
            limit = f"'{kind} requests per minute per user' of service 'sheets.googleapis.com' for consumer 'project_number:4711'."
            raise refused(429, f"Quota exceeded for quota metric '{kind} requests' and limit {limit}", "RATE_LIMIT_EXCEEDED")
        calls.append(now)

    def open(self, spreadsheet_id: str) -> Spreadsheet:
        """A spreadsheet that the account may open."""
        spreadsheet = self.spreadsheets.get(spreadsheet_id)
        if spreadsheet is None:
            raise refused(404, "Requested entity was not found.")
        if not spreadsheet.is_shared:
            raise refused(403, "The caller does not have permission")
        return spreadsheet
