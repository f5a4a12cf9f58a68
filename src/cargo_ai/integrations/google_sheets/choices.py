"""What forms offer: the spreadsheets of the account, their sheets, the columns of one; and the row of a sheet as a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.google_sheets.client import drive, path_of
from cargo_ai.integrations.google_sheets.ranges import letters, spreadsheet_of
from cargo_ai.integrations.google_sheets.sheet import Sheet, sheet_of
from cargo_ai.integrations.kit import Autocomplete, Choice, DynamicSchema, FormRequest, InvalidConfig, narrowed
from cargo_ai.integrations.kit.autocomplete import Params
from cargo_ai.integrations.kit.errors import at

Json = Any
_SHOWN = 200
_SPREADSHEETS = "mimeType = 'application/vnd.google-apps.spreadsheet' and trashed = false"
_ID: Mapping[str, Json] = {"spreadsheetId": {"type": "string", "minLength": 1}}
_OF_SPREADSHEET: Mapping[str, Json] = {"type": "object", "properties": _ID, "required": ["spreadsheetId"], "additionalProperties": False}
_OF_SHEET: Mapping[str, Json] = {
    **_OF_SPREADSHEET,
    "properties": {**_ID, "sheetName": {"type": "string"}, "headerRow": {"type": "integer", "minimum": 1}},
}


async def _spreadsheets(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
    """Those that were changed last; a name that is typed is looked for by Drive."""
    text = (typed or "").strip()
    name = f" and name contains '{_escaped(text)}'" if text else ""
    query = {
        "q": f"{_SPREADSHEETS}{name}",
        "orderBy": "modifiedTime desc",
        "pageSize": _SHOWN,
        "fields": "files(id,name,modifiedTime)",
        "supportsAllDrives": True,
        "includeItemsFromAllDrives": True,
    }
    answer = await drive(request.service).get("/drive/v3/files", query=query)
    return [
        Choice(str(file["name"]), str(file["id"]), f"changed {str(file.get('modifiedTime'))[:10]}") for file in at(answer.body, "files.*")
    ]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _spreadsheet(params: Params) -> str:
    text = params.get("spreadsheetId")
    if not isinstance(text, str) or not text.strip():
        raise InvalidConfig("`spreadsheetId` is missing: choose a spreadsheet first.")
    return text


async def _sheets(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    fields = {"fields": "sheets(properties(sheetId,title,sheetType,gridProperties(rowCount,columnCount)))"}
    answer = await request.service.get(path_of(spreadsheet_of(_spreadsheet(params))), query=fields)
    choices = [
        Choice(str(sheet["title"]), str(sheet["title"]), f"{sheet['gridProperties']['rowCount']} rows")
        for sheet in at(answer.body, "sheets.*.properties")
        if sheet.get("gridProperties")
    ]
    return narrowed(choices, typed)


async def _sheet(request: FormRequest, params: Params) -> Sheet:
    return await sheet_of(request.service, _spreadsheet(params), str(params.get("sheetName") or ""), int(params.get("headerRow") or 1))


async def _columns(request: FormRequest, params: Params, typed: str | None) -> Sequence[Choice]:
    names = (await _sheet(request, params)).names
    first = {name: position for position, name in reversed([*enumerate(names)]) if name}
    return narrowed([Choice(name, name, f"column {letters(first[name])}") for name in dict.fromkeys(names) if name], typed)


async def _row(request: FormRequest, params: Params) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    names = dict.fromkeys(name for name in (await _sheet(request, params)).names if name)
    cell = {"type": ["string", "number", "boolean", "null"]}
    return {"type": "object", "properties": {name: {"title": name, **cell} for name in names}, "additionalProperties": False}, {}


AUTOCOMPLETES: Mapping[str, Autocomplete] = {
    "listSpreadsheets": Autocomplete(_spreadsheets),
    "listSheets": Autocomplete(_sheets, _OF_SPREADSHEET),
    "listColumns": Autocomplete(_columns, _OF_SHEET),
}
SCHEMAS: Mapping[str, DynamicSchema] = {"row": DynamicSchema(_row, _OF_SHEET)}
