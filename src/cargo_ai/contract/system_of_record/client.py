"""Clients: SQL queries, and the text that documents the dialect and tables."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import STREAMED, DownloadReply, Format
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Nothing, Wire

MAX_ROWS = 10_000
MAX_CHARACTERS = 20_000

Sql = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="One SELECT in the dialect of PostgreSQL or BigQuery. Tables: DATASET.MODEL, such as default.companies.",
    ),
]


class QueryClient(Wire):
    """A query."""

    query: Sql


class FetchClient(Wire):
    """A page of a query's rows."""

    query: Sql
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = Field(default=100, description="How many rows to return, 1 to 10,000.")
    offset: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(default=0, description="How many rows to skip.")


class DownloadClient(Wire):
    """A query whose rows are exported to a file."""

    query: Sql
    format: Format | None = Field(default=None, description=STREAMED)


class Queried(Wire):
    """The rows of a query, or its error message: an invalid query is not a refusal here."""

    outcome: Literal["queried", "notQueried"]
    rows: list[JsonObject]
    error_message: str | None


class FetchedRows(Wire):
    """A page of rows. `records` and `rows` are equal; `count`: the number of rows of the whole query."""

    outcome: Literal["queried", "notQueried"]
    records: list[JsonObject]
    rows: list[JsonObject]
    count: int
    error_message: str | None


class ClientForm(Wire):
    """The form of a client's config."""

    json_schema: JsonObject
    ui_schema: JsonObject


class Client(Wire):
    """A kind of database that can be queried."""

    name: str
    slug: str
    icon: str
    description: str
    config: ClientForm


class ClientsReply(Wire):
    """All clients."""

    clients: list[Client]


class ClientBySlug(Wire):
    """A client named by its slug."""

    slug: str = Field(min_length=1, max_length=100, description="The slug of the client: postgres.")


class Documentation(Wire):
    """The SQL dialect and the tables, as plain text."""

    text: str


query: Operation[QueryClient, Queried, Never] = operations.add(
    Operation(
        "systemOfRecordIntegration.client.query",
        "POST",
        "/systemOfRecordIntegration/clients/query",
        request=QueryClient,
        response=Queried,
        summary="Query your data with SQL: one SELECT, at most 10,000 rows.",
        permission="systemOfRecordIntegration:read",
        reads=True,
        queries=True,
        cli=Cli(
            aliases=(("system-of-record", "query"),),
            positionals=("query",),
            examples=('cargo-ai system-of-record client query "SELECT COUNT(*) AS n FROM datasets_default.models_companies"',),
        ),
    )
)

fetch: Operation[FetchClient, FetchedRows, Never] = operations.add(
    Operation(
        "systemOfRecordIntegration.client.fetch",
        "POST",
        "/systemOfRecordIntegration/clients/fetch",
        request=FetchClient,
        response=FetchedRows,
        summary="Query your data with SQL, page by page.",
        permission="systemOfRecordIntegration:read",
        reads=True,
        queries=True,
        cli=Cli(
            examples=('cargo-ai system-of-record client fetch --query "SELECT name FROM default.companies ORDER BY name" --limit 100',),
        ),
    )
)

DownloadReason = Literal["invalidQuery"]
INVALID_QUERY = refusal(400, "{sentence}")

download: Operation[DownloadClient, DownloadReply, DownloadReason] = operations.add(
    Operation(
        "systemOfRecordIntegration.client.download",
        "POST",
        "/systemOfRecordIntegration/clients/download",
        request=DownloadClient,
        response=DownloadReply,
        summary="Download all rows of a query.",
        permission="systemOfRecordIntegration:read",
        refusals={"invalidQuery": INVALID_QUERY},
        reads=True,
        output="download",
        cli=Cli(
            send={"format": "json"},
            url_when=("--format",),
            examples=('cargo-ai system-of-record client download --query "SELECT * FROM default.companies" > companies.json',),
        ),
    )
)

get_all: Operation[Nothing, ClientsReply, Never] = operations.add(
    Operation(
        "systemOfRecordIntegration.client.list",
        "GET",
        "/systemOfRecordIntegration/clients/list",
        request=Nothing,
        response=ClientsReply,
        summary="List the kinds of databases that can be queried.",
        permission="systemOfRecordIntegration:read",
        cli=Cli(examples=("cargo-ai system-of-record client list",)),
    )
)

DocumentationReason = Literal["clientNotFound"]

get_documentation: Operation[ClientBySlug, Documentation, DocumentationReason] = operations.add(
    Operation(
        "systemOfRecordIntegration.client.getDocumentation",
        "GET",
        "/systemOfRecordIntegration/clients/{slug}/documentation",
        request=ClientBySlug,
        response=Documentation,
        summary="Show the SQL dialect and the tables of this workspace, as plain text.",
        permission="systemOfRecordIntegration:read",
        refusals={"clientNotFound": refusal(404, "There is no client {slug}: the only one is postgres.")},
        output="text",
        cli=Cli(examples=("cargo-ai system-of-record client get-documentation postgres",)),
    )
)
