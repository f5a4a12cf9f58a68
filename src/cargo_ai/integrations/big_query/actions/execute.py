"""The action `execute`: a statement that changes something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.big_query.actions.query import AGAIN_SECONDS
from cargo_ai.integrations.big_query.fields import UserStatement
from cargo_ai.integrations.big_query.jobs import Job, results, start, statement_of
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Later, Outcome, schema_of, ui_schema_of

Json = Any
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "changedCount": {"type": ["integer", "null"], "description": "How many rows it changed; null where BigQuery does not say."},
        "jobId": {"type": "string"},
    },
    "required": ["changedCount", "jobId"],
    "additionalProperties": False,
}


class Execute(UserStatement):
    """What to do."""


async def perform(request: ActionRequest) -> Outcome:
    """The id of the job follows from the execution, so that BigQuery takes it once however often it is sent."""
    form = request.form(Execute)
    service, job = request.service, Job.of_meta(request.call.meta)
    if job is None:
        statement = statement_of(form.query, form.parameters, form.maximum_bytes_billed)
        job = await start(service, statement, request.call.key)
    result = await results(service, job, most=0)
    if isinstance(result, Job):
        return Later(AGAIN_SECONDS, result.meta(), "BigQuery is still working on it")
    count = "" if result.changed is None else f"{result.changed} rows changed"
    return Done({"changedCount": result.changed, "jobId": job.id}, count)


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
