"""Queries: SQL over the runs, batches, spans and records of the workspace."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Wire

Sql = Annotated[
    str,
    Field(
        min_length=1,
        max_length=20_000,
        description="One SELECT in ClickHouse's dialect, over runs, batches, spans, records, row_results. At most 20,000 characters.",
    ),
]


class ExecuteQuery(Wire):
    """A query."""

    query: Sql


class QueryRows(Wire):
    """The rows of a query, at most 10,000."""

    rows: list[JsonObject]


execute: Operation[ExecuteQuery, QueryRows, Literal["invalidQuery"]] = operations.add(
    Operation(
        "orchestration.query.execute",
        "POST",
        "/orchestration/query",
        request=ExecuteQuery,
        response=QueryRows,
        summary="Query runs, batches, spans, records and row results with SQL: one SELECT, at most 10,000 rows.",
        permission="orchestration:workflow:read",
        refusals={"invalidQuery": refusal(400, "{sentence}")},
        reads=True,
        queries=True,
        cli=Cli(
            flags={"query": ("--query", "--sql")},
            positionals=("query",),
            examples=(
                'cargo-ai orchestration query execute "SELECT status, count() AS n FROM runs WHERE created_at > now() - INTERVAL 1 DAY'
                ' GROUP BY status"',
                "cargo-ai orchestration query execute \"SELECT node_slug, countIf(execution_status = 'error') AS errors FROM spans"
                ' GROUP BY node_slug ORDER BY errors DESC"',
            ),
        ),
    )
)
