"""Fields that the forms of databases and warehouses share: tables, values of rows, statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit.forms import Form, account_fields, ui

Json = Any
MAX_COLUMNS = 500


class Cell(Form):
    """One column and the value that it shall have."""

    column_name: str = Field(title="Column", min_length=1)
    value: Json = Field(default=None, title="Value")


Cells = dict[str, Json] | list[Cell]
"""`{column: value}`, or `[{columnName, value}]`."""


def table_field(description: str, *, shortest: int = 1, longest: int) -> Any:
    """The table; the description says how it is named."""
    hints = ui(widget="IntegrationAutocompleteWidget", options={"slug": "listTables"})
    return Field(title="Table", description=description, min_length=shortest, max_length=longest, json_schema_extra=hints)


def matching_field(description: str) -> Any:
    """The columns whose values name a row; the description says which can."""
    return Field(title="Match by", description=description, min_length=1, max_length=16)


def cells_field() -> Any:
    """The values to write."""
    extra = account_fields("row", table="table")
    return Field(title="Values", description="{column: value}, or [{columnName, value}].", json_schema_extra=extra)


def statement_field(description: str) -> Any:
    """A statement in the database's SQL."""
    return Field(title="SQL", description=description, min_length=1, max_length=100_000, json_schema_extra=ui(widget="SqlWidget"))


def parameters_field() -> Any:
    """The values of `:name` in a statement."""
    return Field(
        default_factory=dict[str, Json],
        title="Parameters",
        description="{name: value} for each :name in the SQL. Values of records belong here, never into the SQL's text.",
        json_schema_extra=ui(widget="ExpressionWidget"),
    )


def values_of(cells: Cells, *, write_nulls: bool) -> dict[str, Json]:
    """The values to write, by column; null is left out unless `write_nulls`. InvalidConfig where a column is named twice, or none is."""
    pairs = list(cells.items()) if isinstance(cells, dict) else [(cell.column_name, cell.value) for cell in cells]
    values = {name: value for name, value in pairs if write_nulls or value is not None}
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidConfig(f"`values` names the column {twice} twice.")
    if not values or len(names) > MAX_COLUMNS:
        raise InvalidConfig(f"`values` has to name between 1 and {MAX_COLUMNS} columns with a value.")
    return values


def keyed_values(cells: Cells, matching: Sequence[str], *, write_nulls: bool) -> dict[str, Json]:
    """The same, of a row that is found by the values in some of its columns. InvalidConfig where one of these is empty."""
    values = values_of(cells, write_nulls=write_nulls)
    for name in matching:
        if values.get(name) in (None, ""):
            raise InvalidConfig(f"`values.{name}` is empty: without it, the row that it names cannot be found.")
    return values


class UpsertRow(Form):
    """A row, and what names it. Subclasses say how the table is named, and which columns can name a row."""

    table: str
    matching_columns: list[str]
    values: Cells = cells_field()
    write_nulls: bool = Field(default=False, title="Write null", description="Whether null clears a value.")

    def row(self) -> dict[str, Json]:
        """The values to write. InvalidConfig where they do not name the row."""
        return keyed_values(self.values, self.matching_columns, write_nulls=self.write_nulls)
