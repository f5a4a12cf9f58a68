"""Fields that the forms of several actions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form, InvalidConfig, ui

Json = Any
MOST_COLUMNS = 500


class Cell(Form):
    """One column and the value that it shall have."""

    column_name: str = Field(title="Column", min_length=1)
    value: Json = Field(default=None, title="Value")


Cells = dict[str, Json] | list[Cell]
"""`{column: value}`, or `[{columnName, value}]`."""


def table_field() -> Any:
    """The table."""
    hints = ui(widget="IntegrationAutocompleteWidget", options={"slug": "listTables"})
    return Field(title="Table", description="table or schema.table.", min_length=1, max_length=260, json_schema_extra=hints)


def cells_field() -> Any:
    """The values to write."""
    return Field(title="Values", description="{column: value}, or [{columnName, value}].", json_schema_extra=ui(widget="ExpressionWidget"))


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
    if not values or len(names) > MOST_COLUMNS:
        raise InvalidConfig(f"`values` has to name between 1 and {MOST_COLUMNS} columns with a value.")
    return values


def keyed_values(cells: Cells, matching: Sequence[str], *, write_nulls: bool) -> dict[str, Json]:
    """The same, of a row that is found by the values in some of its columns. InvalidConfig where one of these is empty."""
    values = values_of(cells, write_nulls=write_nulls)
    for name in matching:
        if values.get(name) in (None, ""):
            raise InvalidConfig(f"`values.{name}` is empty: without it, the row that it names cannot be found.")
    return values
