"""Ingest: read a file into a model, or write a model to a file. An addition to the public contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import STREAMED, DownloadReply, Format
from cargo_ai.contract.storage.columns import Named
from cargo_ai.contract.storage.records.file_options import FileOptions
from cargo_ai.kernel.operation import Cli, FileOf, Operation, RefusalSpec, refusal
from cargo_ai.kernel.wire import ByUuid, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"


class IngestToken(Wire):
    """A new token with which anyone can send records to this model, shown only once, and the URL to send them to."""

    token: str
    url: str


class IngestFile(FileOptions):
    """Which uploaded file to read into which model. A row with the id of a record changes it; other rows are added. Without an id column,
    rows are identified by their values: reading the same file twice changes nothing."""

    model_uuid: Uuid = Field(description="The model.")
    s3_filename: Annotated[str, Field(max_length=1_000, description="The s3Filename that `workspace file upload` returned.")]
    matching_column_slug: Named | None = Field(default=None, description="The column that identifies rows, if the model has no id column.")
    headings: dict[Annotated[str, Field(max_length=1_000)], Named] | None = Field(
        default=None,
        max_length=1_000,
        description='Headings of the file whose columns are named otherwise, with the slugs of these: {"Gegründet am":"founded_on"}. '
        "Others are found by slug or label.",
    )
    skip_invalid: bool = Field(default=False, description="Skip invalid rows; by default one invalid row rejects the file.")


class RejectedRow(Wire):
    """An invalid row: its number (the header of a CSV file is row 1), the column, the problem, and the value in the file."""

    row: int
    column: str
    message: str
    value: Any = None


class IngestReport(Wire):
    """The outcome of the rows. `errors`: the first hundred rejected rows. With `skipInvalid`, `reportUuid` and `reportUrl` lead to a
    file with the result of every row."""

    added: int
    updated: int
    unchanged: int
    rejected: int
    errors: list[RejectedRow]
    report_uuid: Uuid | None = None
    report_url: str | None = None


class DownloadIngestReport(Wire):
    """Which report to download."""

    uuid: Uuid = Field(description="The reportUuid that storage record ingest returned; reports are kept for 30 days.")
    format: Format | None = Field(default=None, description=STREAMED)


class DownloadRecords(Wire):
    """Which model to download."""

    model_uuid: Uuid = Field(description="The model.")
    format: Format | None = Field(default=None, description=STREAMED)


_no_model = refusal(404, "There is no model {uuid} in this workspace.")

TokenReason = Literal["modelNotFound"]

create_token: Operation[ByUuid, IngestToken, TokenReason] = operations.add(
    Operation(
        "storage.model.createIngestToken",
        "POST",
        "/storage/models/{uuid}/ingestToken",
        request=ByUuid,
        response=IngestToken,
        summary="Create a token for sending records to a model; the previous token stops working.",
        permission="storage:write",
        refusals={"modelNotFound": _no_model},
        cli=Cli(examples=(f"cargo-ai storage model create-ingest-token {_EXAMPLE}",)),
        agent_safe=False,
    )
)

IngestReason = Literal["modelNotFound", "fileNotFound", "fileInvalid", "rowsRejected", "columnNotFound", "matchingNotPossible"]

REFUSES: dict[IngestReason, RefusalSpec] = {
    "modelNotFound": _no_model,
    "fileNotFound": refusal(404, "There is no uploaded file {file}."),
    "fileInvalid": refusal(400, "{problem}"),
    "rowsRejected": refusal(400, "{problem}"),
    "columnNotFound": refusal(404, "The model has no column {slug}."),
    "matchingNotPossible": refusal(400, "{problem}"),
}

ingest: Operation[IngestFile, IngestReport, IngestReason] = operations.add(
    Operation(
        "storage.record.ingest",
        "POST",
        "/storage/records/ingest",
        request=IngestFile,
        response=IngestReport,
        summary="Read an uploaded CSV, JSON lines or Parquet file into a model: all rows, or none.",
        permission="storage:write",
        refusals=REFUSES,
        cli=Cli(
            file_of=FileOf("workspaceManagement.file.upload", "s3Filename"),
            examples=(
                f"cargo-ai storage record ingest --model-uuid {_EXAMPLE} --file companies.csv",
                f"cargo-ai storage record ingest --model-uuid {_EXAMPLE} --s3-filename NAME --skip-invalid",
                f"cargo-ai storage record ingest --model-uuid {_EXAMPLE} --file kunden.csv --encoding windows-1252 --decimal , "
                "--date-order dmy --trim",
            ),
        ),
        ends_with_client=True,
    )
)

DownloadReason = Literal["modelNotFound"]

download: Operation[DownloadRecords, DownloadReply, DownloadReason] = operations.add(
    Operation(
        "storage.record.download",
        "POST",
        "/storage/records/download",
        request=DownloadRecords,
        response=DownloadReply,
        summary="Download all records of a model.",
        permission="storage:read",
        refusals={"modelNotFound": _no_model},
        reads=True,
        output="download",
        cli=Cli(
            send={"format": "json"},
            url_when=("--format",),
            examples=(f"cargo-ai storage record download --model-uuid {_EXAMPLE} > records.json",),
        ),
    )
)

ReportReason = Literal["ingestReportNotFound"]

download_report: Operation[DownloadIngestReport, DownloadReply, ReportReason] = operations.add(
    Operation(
        "storage.record.downloadIngestReport",
        "POST",
        "/storage/records/downloadIngestReport",
        request=DownloadIngestReport,
        response=DownloadReply,
        summary="Download the result of each row that `storage record ingest --skip-invalid` has read.",
        permission="storage:read",
        refusals={"ingestReportNotFound": refusal(404, "There is no ingest report {uuid} in this workspace; they are kept for 30 days.")},
        reads=True,
        output="download",
        cli=Cli(
            send={"format": "json"},
            url_when=("--format",),
            examples=(f"cargo-ai storage record download-ingest-report --uuid {_EXAMPLE} > verdicts.json",),
        ),
    )
)
