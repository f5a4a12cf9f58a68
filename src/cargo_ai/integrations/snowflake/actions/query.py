"""The action `query`: read rows by SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field

from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Later, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.snowflake.fields import UserStatement
from cargo_ai.integrations.snowflake.results import Result, Statement, collected, fetch, submit
from cargo_ai.integrations.snowflake.statements import bind, check_reads

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
    return Done({"rows": rows, "rowsCount": len(rows), "hasMore": more}, f"{len(rows)}{'+' if more else ''} rows")


ACTION: ConnectorAction = Action(
    slug="query",
    kind="connector",
    name="Query",
    description="Reads rows by SQL; a statement of another kind is refused.",
    does="acts",
    hint="reads",
    idempotency="reads",
    config_schema=schema_of(Query),
    ui_schema=ui_schema_of(Query),
    output_schema=_OUTPUT,
    perform=perform,
)
