"""Fields that the forms of several actions share."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form, ui
from cargo_ai.integrations.sql.fields import statement_field

Json = Any


def table_field() -> Any:
    """The table."""
    hints = ui(widget="IntegrationAutocompleteWidget", options={"slug": "listTables"})
    return Field(
        title="Table", description="dataset.table, or project.dataset.table.", min_length=3, max_length=1_200, json_schema_extra=hints
    )


class UserStatement(Form):
    """A statement, its values, and what it may cost."""

    query: str = statement_field("One statement in BigQuery's SQL. Values of records belong into `parameters`, never into its text.")
    parameters: dict[str, Json] = Field(
        default_factory=dict[str, Json],
        title="Parameters",
        description="{name: value} for each @name in the SQL; {name: {type, value}} where the type does not follow from the value.",
        json_schema_extra=ui(widget="ExpressionWidget"),
    )
    maximum_bytes_billed: int | None = Field(
        default=None, title="Most bytes to pay for", description="A query that would read more is refused and costs nothing.", ge=1
    )
