"""The action `query`: read rows by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Later, Outcome, connector_action
from cargo_ai.integrations.kit.tables.results import MAX_ROWS, rows_read, rows_schema
from cargo_ai.integrations.snowflake.fields import UserStatement
from cargo_ai.integrations.snowflake.results import Result, Statement, collected, fetch, submit
from cargo_ai.integrations.snowflake.statements import bind, check_reads

Json = Any
AGAIN_SECONDS = 5.0
_OUTPUT = rows_schema("`limit`, or beyond 4 MB")


class Query(UserStatement):
    """What to read."""

    limit: int = Field(default=1_000, title="Most rows", ge=1, le=MAX_ROWS)


def handle_of(meta: Json) -> str | None:
    """The handle of the statement that a run has waited for."""
    kept = cast("Mapping[str, Json]", meta) if isinstance(meta, Mapping) else dict[str, Json]()
    return str(kept["handle"]) if kept.get("handle") else None


async def perform(request: ActionRequest) -> Outcome:
    """Rows of a statement that reads. One that takes long is asked for again."""
    form = request.form(Query)
    handle = handle_of(request.call.meta)
    if handle is None:
        check_reads(form.query)
        text, bindings = bind(form.query, form.parameters)
        statement = Statement(text, bindings, most_rows=form.limit + 1, seconds=form.timeout_seconds)
        result = await submit(request.service, statement, reads=True)
    else:
        result = await fetch(request.service, handle)
    if not isinstance(result, Result):
        return Later(AGAIN_SECONDS, {"handle": result}, "Snowflake is still working on it")
    rows, more = await collected(request.service, result, form.limit)
    return rows_read(rows, has_more=more)


ACTION = connector_action(
    Query,
    slug="query",
    name="Query",
    description="Reads rows by SQL; a statement of another kind is refused.",
    hint="reads",
    idempotency="reads",
    output_schema=_OUTPUT,
    perform=perform,
)
