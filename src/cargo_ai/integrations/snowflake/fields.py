"""Fields that the forms of several actions share."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form, ui
from cargo_ai.integrations.snowflake.results import LONGEST_SECONDS
from cargo_ai.integrations.sql.fields import parameters_field, statement_field

Json = Any


def table_field() -> Any:
    """The table."""
    hints = ui(widget="IntegrationAutocompleteWidget", options={"slug": "listTables"})
    return Field(
        title="Table", description="table, schema.table or database.schema.table.", min_length=1, max_length=1_000, json_schema_extra=hints
    )


class UserStatement(Form):
    """A statement and its values."""

    query: str = statement_field("One statement in Snowflake's SQL, with :name for parameters.")
    parameters: dict[str, Json] = parameters_field()
    timeout_seconds: int = Field(
        default=LONGEST_SECONDS, title="Time-out", description="Seconds after which Snowflake cancels the statement.", ge=1, le=86_400
    )
