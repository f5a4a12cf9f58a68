"""Archive: executions of old runs, as Parquet files in the file store."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.storage.records.record import MAX_BULK, Id
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.schemas.validation_errors import MONTH
from cargo_ai.kernel.wire import Nothing, Wire

Month = Annotated[str, Field(pattern=MONTH, description="The month in which the runs were created, as 2026-01.")]
ArchiveFormat = Literal["csv", "json", "ndjson", "parquet"]


class ArchivedMonth(Wire):
    """A month in the archive. `areRunsRemoved`: its runs are in the archive only. `isInSql`: SQL over spans finds its executions: because
    its runs are still there, or because they were loaded."""

    month: str
    files_count: int
    executions_count: int
    bytes: int
    are_runs_removed: bool
    is_in_sql: bool


class ArchiveReply(Wire):
    """The months, oldest first. `forgettingCount`: how many records are being erased from them now."""

    months: list[ArchivedMonth]
    forgetting_count: int


class MonthReply(Wire):
    """The month as it is now."""

    month: ArchivedMonth


class NamedMonth(Wire):
    """The month."""

    month: Month


class ForgetArchived(Wire):
    """The records that are erased from the archive."""

    record_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_BULK)] = Field(
        description="The ids of records, of whichever model, at most 10,000, comma-separated."
    )


class ForgettingReply(Wire):
    """`recordsCount`: of how many records. `filesCount`: how many files of the archive are looked through."""

    records_count: int
    files_count: int


class DownloadArchive(NamedMonth):
    """The month, and the format of the file."""

    format: ArchiveFormat | None = Field(default=None, description="The format of the file: csv, gzipped, unless this says otherwise.")


_MONTH_NOT_FOUND = refusal(404, "The archive has nothing of {month}. It has: {months}.")

list_: Operation[Nothing, ArchiveReply, Never] = operations.add(
    Operation(
        "orchestration.archive.list",
        "GET",
        "/orchestration/archive",
        request=Nothing,
        response=ArchiveReply,
        summary="List the months of which executions are archived.",
        permission="orchestration:workflow:read",
        cli=Cli(examples=("cargo-ai orchestration archive list",)),
    )
)

load: Operation[NamedMonth, MonthReply, Literal["monthNotFound"]] = operations.add(
    Operation(
        "orchestration.archive.load",
        "POST",
        "/orchestration/archive/load",
        request=NamedMonth,
        response=MonthReply,
        summary="Let SQL over spans find the executions of an archived month again, for a week.",
        permission="orchestration:workflow:write",
        refusals={"monthNotFound": _MONTH_NOT_FOUND},
        cli=Cli(examples=("cargo-ai orchestration archive load --month 2025-01",)),
    )
)

remove: Operation[NamedMonth, MonthReply, Literal["monthNotFound"]] = operations.add(
    Operation(
        "orchestration.archive.remove",
        "POST",
        "/orchestration/archive/remove",
        request=NamedMonth,
        response=MonthReply,
        summary="Remove a month from the archive, with the large outputs that only it names.",
        permission="orchestration:workflow:write",
        refusals={"monthNotFound": _MONTH_NOT_FOUND},
        agent_safe=False,
        cli=Cli(
            danger="This removes what is archived of the month for good: the outputs of nodes, and executions whose runs are gone.",
            examples=("cargo-ai orchestration archive remove --month 2025-01 --yes",),
        ),
    )
)

forget: Operation[ForgetArchived, ForgettingReply, Never] = operations.add(
    Operation(
        "orchestration.archive.forget",
        "POST",
        "/orchestration/archive/forget",
        request=ForgetArchived,
        response=ForgettingReply,
        summary="Erase records from the archive: the outputs of nodes in their runs, and in those that these started.",
        permission="orchestration:workflow:write",
        agent_safe=False,
        cli=Cli(
            danger="This erases for good what is archived of the runs of these records, of whichever model. What runs of other records "
            "hold of them stays.",
            examples=("cargo-ai orchestration archive forget --record-ids ana@acme.com,ben@acme.com --yes",),
        ),
    )
)

download: Operation[DownloadArchive, DownloadReply, Literal["monthNotFound"]] = operations.add(
    Operation(
        "orchestration.archive.download",
        "POST",
        "/orchestration/archive/download",
        request=DownloadArchive,
        response=DownloadReply,
        summary="Download the executions of an archived month, with the outputs of their nodes.",
        permission="orchestration:workflow:read",
        refusals={"monthNotFound": _MONTH_NOT_FOUND},
        reads=True,
        output="download",
        cli=Cli(url_when=("--format",), examples=("cargo-ai orchestration archive download --month 2025-01 --format ndjson",)),
    )
)
