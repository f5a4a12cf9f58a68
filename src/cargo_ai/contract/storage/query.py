"""Queries: SQL on the models of the workspace; a query that cannot run is a 400."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Wire

Sql = Annotated[
    str,
    Field(
        min_length=1,
        max_length=20_000,
        description="One SELECT in the dialect of PostgreSQL or BigQuery. Tables: DATASET.MODEL, such as default.companies.",
    ),
]


class ExecuteQuery(Wire):
    """A query."""

    query: Sql


class DownloadQuery(Wire):
    """A query whose rows are exported to a file."""

    query: Sql
    format: Literal["csv", "parquet", "json", "ndjson"] = Field(default="csv", description="The file format.")


class QueryRows(Wire):
    """The rows of a query."""

    rows: list[JsonObject]
    is_refreshing: bool


class QueryFile(DownloadReply):
    """The URL of the file."""

    is_refreshing: bool


QueryReason = Literal["clientNotFound", "invalidQuery"]
_no = {
    "clientNotFound": refusal(404, "This workspace has no system of record to query."),
    "invalidQuery": refusal(400, "{sentence}"),
}

execute: Operation[ExecuteQuery, QueryRows, QueryReason] = operations.add(
    Operation(
        "storage.query.execute",
        "POST",
        "/storage/query",
        request=ExecuteQuery,
        response=QueryRows,
        summary="Query your models with SQL: one SELECT, at most 10,000 rows.",
        permission="storage:read",
        refusals={"clientNotFound": _no["clientNotFound"], "invalidQuery": _no["invalidQuery"]},
        reads=True,
        queries=True,
        cli=Cli(
            flags={"query": ("--query", "--sql")},
            positionals=("query",),
            examples=('cargo-ai storage query execute "SELECT country, COUNT(*) AS n FROM default.companies GROUP BY country"',),
        ),
    )
)

download: Operation[DownloadQuery, QueryFile, QueryReason] = operations.add(
    Operation(
        "storage.query.download",
        "POST",
        "/storage/query/download",
        request=DownloadQuery,
        response=QueryFile,
        summary="Export all rows of a query to a file, and show its URL.",
        permission="storage:read",
        refusals={"clientNotFound": _no["clientNotFound"], "invalidQuery": _no["invalidQuery"]},
        reads=True,
        cli=Cli(
            positionals=("query",),
            examples=('cargo-ai storage query download --query "SELECT * FROM default.companies" --format csv',),
        ),
    )
)
