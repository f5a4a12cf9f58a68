"""The action `execute`: a statement that changes something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Later, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.snowflake.actions.query import AGAIN_SECONDS, handle_of
from cargo_ai.integrations.snowflake.fields import UserStatement
from cargo_ai.integrations.snowflake.results import Result, Statement, fetch, submit
from cargo_ai.integrations.snowflake.statements import bind

Json = Any
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "changedCount": {"type": ["integer", "null"], "description": "How many rows it changed; null where Snowflake does not say."},
        "statementHandle": {"type": "string"},
    },
    "required": ["changedCount", "statementHandle"],
    "additionalProperties": False,
}


class Execute(UserStatement):
    """What to do."""


async def perform(request: ActionRequest) -> Outcome:
    """The id of the request follows from the execution, so that Snowflake executes it once however often it is sent."""
    form = request.form(Execute)
    handle = handle_of(request.call.meta)
    if handle is None:
        text, bindings = bind(form.query, form.parameters)
        statement = Statement(text, bindings, seconds=form.timeout_seconds)
        result = await submit(request.service, statement, key=request.call.key)
    else:
        result = await fetch(request.service, handle)
    if not isinstance(result, Result):
        return Later(AGAIN_SECONDS, {"handle": result}, "Snowflake is still working on it")
    count = "" if result.changed is None else f"{result.changed} rows changed"
    return Done({"changedCount": result.changed, "statementHandle": result.handle}, count)


ACTION: ConnectorAction = Action(
    slug="execute",
    kind="connector",
    name="Execute",
    description="Does one statement that changes something: an update, a delete, a call of a procedure.",
    does="acts",
    hint="writes",
    idempotency="key",
    config_schema=schema_of(Execute),
    ui_schema=ui_schema_of(Execute),
    output_schema=_OUTPUT,
    perform=perform,
)
