"""The action `execute`: a statement that changes something."""

from __future__ import annotations

from typing import Any

from cargo_ai.integrations.kit import ActionRequest, Later, Outcome, connector_action
from cargo_ai.integrations.kit.tables.results import changed_schema, rows_changed
from cargo_ai.integrations.snowflake.actions.query import AGAIN_SECONDS, handle_of
from cargo_ai.integrations.snowflake.fields import UserStatement
from cargo_ai.integrations.snowflake.results import Result, Statement, fetch, submit
from cargo_ai.integrations.snowflake.statements import bind

Json = Any
_OUTPUT = changed_schema("Snowflake", "statementHandle")


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
    return rows_changed(result.changed, statementHandle=result.handle)


ACTION = connector_action(
    Execute,
    slug="execute",
    name="Execute",
    description="Does one statement that changes something: an update, a delete, a call of a procedure.",
    hint="writes",
    idempotency="key",
    output_schema=_OUTPUT,
    perform=perform,
)
