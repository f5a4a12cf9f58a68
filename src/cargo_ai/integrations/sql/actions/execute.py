"""The action `execute`: change rows by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Form, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.sql.account import dialect_of
from cargo_ai.integrations.sql.connections import transact
from cargo_ai.integrations.sql.fields import parameters_field, statement_field
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


ACTION: ConnectorAction = Action(
    slug="execute",
    kind="connector",
    name="Execute",
    description="Executes one SQL statement that changes something, in a transaction of its own.",
    does="acts",
    hint="deletes",
    idempotency="none",
    config_schema=schema_of(Execute),
    ui_schema=ui_schema_of(Execute),
    output_schema=_OUTPUT,
    perform=perform,
)
