"""Fields that the forms of several actions share, and the schemas of what they give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form, ui, widget
from cargo_ai.integrations.kit.writes import with_output

Json = Any
Values = dict[str, Json]


def column_field(title: str, description: str) -> Any:
    """A column of the sheet that stands beside it."""
    hints = widget("listColumns", spreadsheetId="spreadsheetId", sheetName="sheetName", headerRow="headerRow")
    return Field(title=title, description=description, min_length=1, max_length=1_000, json_schema_extra=hints)


def values_field() -> Any:
    """The values to write."""
    return Field(
        title="Values",
        description="{column: value}. Texts are written as they are: =1+1 is a text. Columns that are not named are left alone.",
        min_length=1,
        max_length=500,
        json_schema_extra=ui(widget="ExpressionWidget"),
    )


def write_nulls_field() -> Any:
    """Whether null clears."""
    return Field(default=False, title="Clear", description="Whether null and empty texts clear the cell.")


class OfSpreadsheet(Form):
    """Something about a sheet of a spreadsheet."""

    spreadsheet_id: str = Field(
        title="Spreadsheet",
        description="Its id, or the address of its page.",
        min_length=1,
        max_length=2_000,
        json_schema_extra=widget("listSpreadsheets"),
    )
    sheet_name: str = Field(
        default="",
        title="Sheet",
        description="The name of the tab; by default the first one.",
        max_length=200,
        json_schema_extra=widget("listSheets", spreadsheetId="spreadsheetId"),
    )


class OfRows(OfSpreadsheet):
    """Something about rows below a header."""

    header_row: int = Field(default=1, title="Header row", description="The row that names the columns.", ge=1, le=1_000)


class Matching(OfRows):
    """Rows, named by the value of a column."""

    matching_column: str = column_field("Match by", "The column that names the row.")
    matching_value: Json = Field(title="Value to match", description="The value of that column.")


class Written(Form):
    """How values are written."""

    values: Values = values_field()
    formulas: bool = Field(
        default=False,
        title="Formulas",
        description="Whether a text that begins with = is a formula. Not for texts of others: a formula can send a sheet's contents away.",
    )


WRITTEN: Mapping[str, Json] = with_output(
    rowNumbers={
        "type": "array",
        "items": {"type": "integer"},
        "description": "The rows that were changed; of a new one Sheets does not say it.",
    }
)
ROW: Mapping[str, Json] = {
    "type": "object",
    "properties": {"rowNumber": {"type": "integer"}, "values": {"type": "object"}},
    "required": ["rowNumber", "values"],
    "additionalProperties": False,
}
"""The schema of a row in outputs."""
