"""The action `query`: read rows by SQL."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.big_query.fields import UserStatement
from cargo_ai.integrations.big_query.jobs import Job, check_reads, collected, read, results, statement_of
from cargo_ai.integrations.kit import ActionRequest, Later, Outcome, connector_action
from cargo_ai.integrations.kit.tables.results import MAX_ROWS, rows_read, rows_schema

Json = Any
AGAIN_SECONDS = 5.0
_OUTPUT = rows_schema("`limit`, or beyond 4 MB")


class Query(UserStatement):
    """What to read."""

    limit: int = Field(default=1_000, title="Most rows", ge=1, le=MAX_ROWS)


async def perform(request: ActionRequest) -> Outcome:
    """Rows of a statement of which BigQuery says that it only reads. One that takes long is asked for again."""
    form = request.form(Query)
    service, job = request.service, Job.of_meta(request.call.meta)
    if job is None:
        statement = statement_of(form.query, form.parameters, form.maximum_bytes_billed)
        await check_reads(service, statement)
        result = await read(service, statement, form.limit)
    else:
        result = await results(service, job)
    if isinstance(result, Job):
        return Later(AGAIN_SECONDS, result.meta(), "BigQuery is still working on it")
    rows, more = await collected(service, result, form.limit)
    return rows_read(rows, has_more=more)


ACTION = connector_action(
    Query,
    slug="query",
    name="Query",
    description="Reads rows by SQL; a statement that changes something is refused.",
    hint="reads",
    idempotency="reads",
    output_schema=_OUTPUT,
    perform=perform,
)
