"""Fields that the forms of several actions share."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form
from cargo_ai.integrations.kit.tables.fields import parameters_field, statement_field, table_field
from cargo_ai.integrations.snowflake.results import LONGEST_SECONDS

Json = Any
table_named = partial(table_field, "table, schema.table or database.schema.table.", longest=1_000)
"""The field of a table."""


class UserStatement(Form):
    """A statement and its values."""

    query: str = statement_field("One statement in Snowflake's SQL, with :name for parameters.")
    parameters: dict[str, Json] = parameters_field()
    timeout_seconds: int = Field(
        default=LONGEST_SECONDS, title="Time-out", description="Seconds after which Snowflake cancels the statement.", ge=1, le=86_400
    )
