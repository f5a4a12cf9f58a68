"""What is special about Google Sheets in its conformance test: its account, examples of its actions, its lists."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from cargo_ai.integrations.google_sheets.ranges import Area
from cargo_ai.integrations.google_sheets.sheet import MAX_BLOCK_CELLS, Sheet, blocks
from cargo_ai.integrations.kit import Service
from cargo_ai.integrations.kit.signing.oauth import ACCESS_TOKEN
from tests.kit.conformance.subject import Example, Extraction, Listing, Subject
from tests.simulators.google.answers import error
from tests.simulators.google.sign_in import EMAIL, TOKEN, key_file, key_line
from tests.simulators.google_sheets import server
from tests.simulators.google_sheets.control import SPREADSHEET, Control, Numbers

Json = Any
JsonObject = dict[str, Json]
WIDTH = 80
PAGE = MAX_BLOCK_CELLS // WIDTH
"""Rows that are read by one call of a sheet so wide."""
_WRONG = "stranger@elsewhere.iam.gserviceaccount.com"


def account_of(email: str) -> JsonObject:
    """The config of a connector."""
    return {"method": "serviceAccount", "serviceAccountKey": key_file(email)}


def opened(account: JsonObject) -> JsonObject:
    """The same with the token that the token endpoint would give; of a stranger, one that is not good."""
    return {**account, ACCESS_TOKEN: TOKEN if EMAIL in account["serviceAccountKey"] else "ya29.of-a-stranger"}


def rows_in(control: Control) -> Json:
    """What stands in the sheet of people."""
    return control.people.values()


def of_people(**more: Json) -> JsonObject:
    """A config about that sheet."""
    return {"spreadsheetId": SPREADSHEET, "sheetName": "People", **more}


def upsert(email: Json = "ada@example.com", **values: Json) -> JsonObject:
    """A config of `upsertRow`."""
    return of_people(matchingColumn="Email", matchingValue=email, values=values)


_READ = ("GET", "/values/")
_WRITE = ("POST", ":batchUpdate$")

EXAMPLES = {
    "readRange": Example(
        config=of_people(), effect=rows_in, call=_READ, rejected=of_people() | {"sheetName": "Missing"}, says="'Missing'!1:1"
    ),
    "findRows": Example(
        config=of_people(matchingColumn="Email", matchingValue="bob@example.com"),
        effect=rows_in,
        call=_READ,
        rejected=of_people(matchingColumn="Phone", matchingValue="1"),
        says="no column Phone",
    ),
    "appendRow": Example(
        config=of_people(values={"Email": "eve@example.com", "Score": 2}),
        effect=rows_in,
        call=_WRITE,
        rejected=of_people(values={"Email": "eve@example.com", "Phone": "1"}),
        says="no column Phone",
        row=lambda number: of_people(values={"Email": f"row-{number}.@example.com"}),
    ),
    "upsertRow": Example(
        config=upsert(Name="Ada L.", Note="=1+1"),
        effect=rows_in,
        call=_WRITE,
        rejected=upsert(Phone="1"),
        says="no column Phone",
        nulls=upsert(Name="Ada L.", Note=None),
        row=lambda number: upsert(f"row-{number}.@example.com", Name="Row"),
    ),
    "updateRows": Example(
        config=upsert("bob@example.com", Score=7),
        effect=rows_in,
        call=_WRITE,
        rejected=upsert("bob@example.com", Phone="1"),
        says="no column Phone",
        nulls=upsert("bob@example.com", Score=7, Note=""),
    ),
}


def fill(control: Control, count: int) -> list[str]:
    """A wide sheet of this many rows; their keys."""
    sheet = control.people
    sheet.cells.clear()
    sheet.columns, sheet.rows = WIDTH, count + 1
    keys = [f"key {number}" for number in range(count)]
    for column in range(WIDTH):
        sheet.cells[(0, column)] = f"Column {column}"
    for row, key in enumerate(keys, 1):
        sheet.put(row, [key, row])
    return keys


async def _keys(service: Service) -> AsyncIterator[str]:
    sheet = Sheet(SPREADSHEET, 0, "People", 3 * PAGE + 3, WIDTH, 1, tuple(f"Column {column}" for column in range(WIDTH)))
    async for block in blocks(service, sheet, Area(2, 0, 3 * PAGE + 3, WIDTH - 1)):
        for cells in block.rows:
            yield str(cells[0])


def _fill_grid(control: Control, count: int) -> list[str]:
    keys = fill(control, count)
    control.people.rows = 3 * PAGE + 3
    return keys


SUBJECT = Subject(
    slug="googleSheets",
    running=lambda: server.running(Numbers(1_000_000, 1_000_000)),
    account=lambda _simulator: account_of(EMAIL),
    wrong=lambda _simulator: account_of(_WRONG),
    opened=opened,
    secret=key_line(),
    error=error,
    examples=EXAMPLES,
    listings=(Listing(name="rows", size=PAGE, fill=_fill_grid, read=_keys),),
    extractions={
        "rows": Extraction(
            config={"spreadsheetId": SPREADSHEET, "sheetName": "People", "keyColumn": "Column 0"}, size=PAGE - 100, fill=fill
        ),
    },
    params={
        "listSheets": {"spreadsheetId": SPREADSHEET},
        "listColumns": {"spreadsheetId": SPREADSHEET, "sheetName": "People"},
        "row": {"spreadsheetId": SPREADSHEET, "sheetName": "People"},
    },
)
