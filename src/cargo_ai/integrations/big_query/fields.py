"""Fields that the forms of several actions share."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Form, ui
from cargo_ai.integrations.kit.tables.fields import statement_field, table_field

Json = Any
table_named = partial(table_field, "dataset.table, or project.dataset.table.", shortest=3, longest=1_200)
"""The field of a table."""


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
