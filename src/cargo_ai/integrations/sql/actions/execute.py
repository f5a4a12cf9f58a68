"""The action `execute`: change rows by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, connector_action
from cargo_ai.integrations.kit.tables.fields import parameters_field, statement_field
from cargo_ai.integrations.sql.account import dialect_of
from cargo_ai.integrations.sql.connections import transact
from cargo_ai.integrations.sql.statement import bind

Json = Any
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {"changedCount": {"type": "integer", "description": "Rows that the statement has changed."}},
    "required": ["changedCount"],
    "additionalProperties": False,
}


class Execute(Form):
    """What to do."""

    statement: str = statement_field("One statement that changes something, in the database's own SQL.")
    parameters: dict[str, Json] = parameters_field()


async def perform(request: ActionRequest) -> Outcome:
    """Execute it in a transaction of its own. Nothing tells whether it may be repeated, so that it never is."""
    form = request.form(Execute)
    text, values = bind(form.statement, form.parameters, dialect_of(request.connector_config))
    (result,) = await transact(request.service, [(text, values)], read_only=False)
    return Done({"changedCount": result.changed}, f"{result.changed} rows changed")


ACTION = connector_action(
    Execute,
    slug="execute",
    name="Execute",
    description="Executes one SQL statement that changes something, in a transaction of its own.",
    hint="deletes",
    idempotency="none",
    output_schema=_OUTPUT,
    perform=perform,
)
