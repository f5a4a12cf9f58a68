"""The simulator on a port of the loopback: spreadsheets, ranges of values, changes, Drive's list, and tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.simulators import running as running_server
from tests.simulators.faults import FaultyAnswer
from tests.simulators.google.answers import masked, refused
from tests.simulators.google.sign_in import TOKEN
from tests.simulators.google_sheets.control import Control, Numbers, Sheet
from tests.simulators.google_sheets.grid import Range, apply, parse, rows_of, shown
from tests.simulators.serving import Act, application

Json = Any
JsonObject = dict[str, Json]
Endpoint = Callable[[Control, Request, Json], Json]
_NAME = re.compile(r"name contains '((?:[^'\\]|\\.)*)'")


def _spreadsheet(control: Control, request: Request, _body: Json) -> Json:
    spreadsheet = control.open(request.path_params["id"])
    ranges = [parse(spreadsheet, text) for text in request.query_params.getlist("ranges")]
    mask = request.query_params.get("fields", "")
    with_data = "data" in mask or request.query_params.get("includeGridData") == "true"
    sheets = [part.sheet for part in ranges] or spreadsheet.sheets
    documents = [_document(sheet, [part for part in ranges if part.sheet is sheet] if with_data else []) for sheet in sheets]
    document = {"spreadsheetId": spreadsheet.id, "properties": {"title": spreadsheet.title, "locale": "en_US"}, "sheets": documents}
    return masked(document, mask)


def _document(sheet: Sheet, parts: list[Range]) -> JsonObject:
    grid = {"rowCount": sheet.rows, "columnCount": sheet.columns}
    properties: JsonObject = {"sheetId": sheet.id, "title": sheet.title, "index": 0, "sheetType": "GRID", "gridProperties": grid}
    return {"properties": properties, "data": [_data(part) for part in parts]}


def _data(part: Range) -> JsonObject:
    rows = [part.sheet.row(number, part.first_column, part.last_column) for number in range(part.first_row, part.last_row + 1)]
    cells = [{"values": [{} if value == "" else {"formattedValue": shown(value)} for value in row]} if row else {} for row in rows]
    return {"startRow": part.first_row, "rowData": cells}


def _values(control: Control, request: Request, _body: Json) -> Json:
    spreadsheet = control.open(request.path_params["id"])
    option = request.query_params.get("valueRenderOption", "FORMATTED_VALUE")
    if option not in ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA"):
        raise refused(400, f"Invalid value at 'value_render_option': {option}")
    part = parse(spreadsheet, request.path_params["range"])
    rows = rows_of(part, option)
    return {"range": request.path_params["range"], "majorDimension": "ROWS", **({"values": rows} if rows else {})}


def _batch_update(control: Control, request: Request, body: Json) -> Json:
    spreadsheet = control.open(request.path_params["id"])
    for name in set(body) - {"requests", "includeSpreadsheetInResponse", "responseRanges", "responseIncludeGridData"}:
        raise refused(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    return {"spreadsheetId": spreadsheet.id, "replies": apply(spreadsheet, body.get("requests"))}


def _files(control: Control, request: Request, _body: Json) -> Json:
    query = request.query_params
    if "mimeType = 'application/vnd.google-apps.spreadsheet'" not in query.get("q", ""):
        raise refused(400, "Invalid Value")
    name = _NAME.search(query["q"])
    text = re.sub(r"\\(.)", r"\1", name[1]).lower() if name else ""
    shared = [one for one in control.spreadsheets.values() if one.is_shared and text in one.title.lower()]
    files = [{"kind": "drive#file", "id": one.id, "name": one.title, "modifiedTime": "2026-11-27T10:00:00.000Z"} for one in shared]
    return masked({"kind": "drive#fileList", "files": files[: int(query.get("pageSize", "100"))]}, query.get("fields", ""))


ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/v4/spreadsheets/{id}", _spreadsheet),
    ("GET", "/v4/spreadsheets/{id}/values/{range}", _values),
    ("POST", "/v4/spreadsheets/{id}:batchUpdate", _batch_update),
    ("GET", "/drive/v3/files", _files),
)


def _behind(control: Control, method: str, endpoint: Endpoint) -> Act:
    def act(request: Request, body: Json) -> tuple[int, Json]:
        control.admit(request.headers.get("authorization", ""), "Read" if method == "GET" else "Write")
        return 200, endpoint(control, request, body)

    return act


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    async def token(request: Request) -> Response:
        status, document = control.tokens.exchange({name: str(value) for name, value in (await request.form()).items()})
        return FaultyAnswer(status, json.dumps(document).encode(), {})

    built = application(control, [(method, path, _behind(control, method, endpoint)) for method, path, endpoint in ENDPOINTS])
    built.router.routes.append(Route("/token", token, methods=["POST"]))
    return built


class Running(running_server.Running):
    """A simulator that answers: `url`, the token that it accepts as `key`, and its control."""

    key = TOKEN

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))


@contextmanager
def running(numbers: Numbers | None = None) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(numbers))
    try:
        yield simulator
    finally:
        simulator.stop()
