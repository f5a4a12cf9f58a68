"""The action `query`: read rows by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Form, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.sql.account import dialect_of
from cargo_ai.integrations.sql.connections import transact
from cargo_ai.integrations.sql.fields import parameters_field, statement_field
from cargo_ai.integrations.sql.statement import bind

Json = Any
MOST_ROWS = 10_000
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "rows": {"type": "array", "items": {"type": "object"}},
        "rowsCount": {"type": "integer"},
        "hasMore": {"type": "boolean", "description": "Whether there were rows beyond `limit`."},
    },
    "required": ["rows", "rowsCount", "hasMore"],
    "additionalProperties": False,
}


class Query(Form):
    """What to read."""

    query: str = statement_field("One statement that reads, in the database's own SQL.")
    parameters: dict[str, Json] = parameters_field()
    limit: int = Field(default=1_000, title="Most rows", ge=1, le=MOST_ROWS)


async def perform(request: ActionRequest) -> Outcome:
    """Read in a transaction that can change nothing."""
    form = request.form(Query)
    text, values = bind(form.query, form.parameters, dialect_of(request.connector_config))
    (result,) = await transact(request.service, [(text, values)], read_only=True, limit=form.limit)
    output = {"rows": result.rows, "rowsCount": len(result.rows), "hasMore": result.more}
    return Done(output, f"{len(result.rows)}{'+' if result.more else ''} rows")


ACTION: ConnectorAction = Action(
    slug="query",
    kind="connector",
    name="Query",
    description="Reads rows by SQL, in a transaction that can change nothing.",
    does="acts",
    hint="reads",
    idempotency="reads",
    config_schema=schema_of(Query),
    ui_schema=ui_schema_of(Query),
    output_schema=_OUTPUT,
    perform=perform,
)
