"""The action `execute`: a statement that changes something."""

from __future__ import annotations

from typing import Any

from cargo_ai.integrations.big_query.actions.query import AGAIN_SECONDS
from cargo_ai.integrations.big_query.fields import UserStatement
from cargo_ai.integrations.big_query.jobs import Job, results, start, statement_of
from cargo_ai.integrations.kit import ActionRequest, Later, Outcome, connector_action
from cargo_ai.integrations.kit.tables.results import changed_schema, rows_changed

Json = Any
_OUTPUT = changed_schema("BigQuery", "jobId")


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
    return rows_changed(result.changed, jobId=job.id)


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
