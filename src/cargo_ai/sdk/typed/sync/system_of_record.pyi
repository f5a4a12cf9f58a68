# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import cargo_ai.contract.system_of_record.client
import cargo_ai.contract.system_of_record.log
import cargo_ai.contract.system_of_record.system_of_record
import cargo_ai.sdk.downloads

class ClientMethods:
    def download(
        self,
        *,
        query: str,
    ) -> cargo_ai.sdk.downloads.Download:
        """Download all rows of a query.

        query: One SELECT in the dialect of PostgreSQL or BigQuery. Tables: DATASET.MODEL, such as default.companies.

        Refused for: invalidQuery
        """
        ...

    def fetch(
        self,
        *,
        query: str,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.system_of_record.client.FetchedRows:
        """Query your data with SQL, page by page.

        query: One SELECT in the dialect of PostgreSQL or BigQuery. Tables: DATASET.MODEL, such as default.companies.
        limit: How many rows to return, 1 to 10,000.
        offset: How many rows to skip.
        """
        ...

    def iterate_records(
        self,
        *,
        query: str,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Query your data with SQL, page by page. All of them, page after page, or `max_rows`.

        query: One SELECT in the dialect of PostgreSQL or BigQuery. Tables: DATASET.MODEL, such as default.companies.
        """
        ...

    def get_documentation(
        self,
        slug: str,
    ) -> cargo_ai.contract.system_of_record.client.Documentation:
        """Show the SQL dialect and the tables of this workspace, as plain text.

        slug: The slug of the client: postgres.

        Refused for: clientNotFound
        """
        ...

    def list(
        self,
    ) -> cargo_ai.contract.system_of_record.client.ClientsReply:
        """List the kinds of databases that can be queried.
        """
        ...

    def query(
        self,
        query: str,
    ) -> cargo_ai.contract.system_of_record.client.Queried:
        """Query your data with SQL: one SELECT, at most 10,000 rows.

        query: One SELECT in the dialect of PostgreSQL or BigQuery. Tables: DATASET.MODEL, such as default.companies.
        """
        ...

class LogMethods:
    def get_metrics(
        self,
        *,
        since: datetime | str,
        until: datetime | str,
    ) -> cargo_ai.contract.system_of_record.log.MetricsReply:
        """Count queries, seconds and bytes processed, per day.

        since: The start of the period, such as 2026-01-01.
        until: The end of the period, exclusive, such as 2026-02-01.
        """
        ...

    def list(
        self,
        *,
        statuses: Sequence[Literal['success', 'error']] | None = ...,
        query: str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.system_of_record.log.LogsReply:
        """List the queries of the last 30 days, the newest first.

        statuses: Only queries with these outcomes.
        query: Only queries that contain this text.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        statuses: Sequence[Literal['success', 'error']] | None = ...,
        query: str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.system_of_record.log.Log]:
        """List the queries of the last 30 days, the newest first. All of them, page after page, or `max_rows`.

        statuses: Only queries with these outcomes.
        query: Only queries that contain this text.
        """
        ...

class SorMethods:
    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.system_of_record.system_of_record.SystemOfRecordReply:
        """Show a system of record.

        uuid: Its uuid.

        Refused for: systemOfRecordNotFound
        """
        ...

    def list(
        self,
    ) -> cargo_ai.contract.system_of_record.system_of_record.SystemsOfRecordReply:
        """List the databases that hold your data.
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.system_of_record.system_of_record.SystemOfRecordReply:
        """Remove a system of record; the server's own PostgreSQL, which holds the models, always stays.

        uuid: Its uuid.

        Refused for: systemOfRecordNotFound, systemOfRecordIsUsed
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        config: cargo_ai.contract.system_of_record.system_of_record.PostgresConfig | Mapping[str, Any],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.system_of_record.system_of_record.SystemOfRecordReply:
        """Set the query timeout of a system of record.

        uuid: The system of record.
        config: The settings: {"statementTimeoutSeconds":120} (1 to 300; 30 by default).

        Refused for: systemOfRecordNotFound
        """
        ...

class SystemOfRecordDomain:
    @property
    def client(self) -> ClientMethods:
        ...

    @property
    def log(self) -> LogMethods:
        ...

    @property
    def sor(self) -> SorMethods:
        ...
