"""The action `query`: read rows by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.big_query.fields import UserStatement
from cargo_ai.integrations.big_query.jobs import Job, check_reads, collected, read, results, statement_of
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Later, Outcome, schema_of, ui_schema_of

Json = Any
MOST_ROWS = 10_000
AGAIN_SECONDS = 5.0
_OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "rows": {"type": "array", "items": {"type": "object"}},
        "rowsCount": {"type": "integer"},
        "hasMore": {"type": "boolean", "description": "Whether there were rows beyond `limit`, or beyond 4 MB."},
    },
    "required": ["rows", "rowsCount", "hasMore"],
    "additionalProperties": False,
}


class Query(UserStatement):
    """What to read."""

    limit: int = Field(default=1_000, title="Most rows", ge=1, le=MOST_ROWS)


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
    return Done({"rows": rows, "rowsCount": len(rows), "hasMore": more}, f"{len(rows)}{'+' if more else ''} rows")


ACTION: ConnectorAction = Action(
    slug="query",
    kind="connector",
    name="Query",
    description="Reads rows by SQL; a statement that changes something is refused.",
    does="acts",
    hint="reads",
    idempotency="reads",
    config_schema=schema_of(Query),
    ui_schema=ui_schema_of(Query),
    output_schema=_OUTPUT,
    perform=perform,
)
