"""The action `query`: read rows by SQL."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Form, Outcome, connector_action
from cargo_ai.integrations.kit.tables.fields import parameters_field, statement_field
from cargo_ai.integrations.kit.tables.results import MAX_ROWS, rows_read, rows_schema
from cargo_ai.integrations.sql.account import dialect_of
from cargo_ai.integrations.sql.connections import transact
from cargo_ai.integrations.sql.statement import bind

Json = Any
_OUTPUT = rows_schema()


class Query(Form):
    """What to read."""

    query: str = statement_field("One statement that reads, in the database's own SQL.")
    parameters: dict[str, Json] = parameters_field()
    limit: int = Field(default=1_000, title="Most rows", ge=1, le=MAX_ROWS)


async def perform(request: ActionRequest) -> Outcome:
    """Read in a transaction that can change nothing."""
    form = request.form(Query)
    text, values = bind(form.query, form.parameters, dialect_of(request.connector_config))
    (result,) = await transact(request.service, [(text, values)], read_only=True, limit=form.limit)
    return rows_read(result.rows, has_more=result.more)


ACTION = connector_action(
    Query,
    slug="query",
    name="Query",
    description="Reads rows by SQL, in a transaction that can change nothing.",
    hint="reads",
    idempotency="reads",
    output_schema=_OUTPUT,
    perform=perform,
)
