"""Ingest: read a file into a model, or write a model to a file. An addition to the public contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.storage.columns import Named
from cargo_ai.kernel.operation import Cli, Operation, RefusalSpec, refusal
from cargo_ai.kernel.wire import ByUuid, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"


class IngestToken(Wire):
    """A fresh token that lets anybody send records into this model, shown this once, and the address that takes them."""

    token: str
    url: str


class IngestFile(Wire):
    """Which uploaded file goes into which model. Rows of a known id change that record; others are added. Rows that bring no id are known
    by their values where the model has no id column: the same file twice changes nothing."""

    model_uuid: Uuid
    s3_filename: Annotated[str, Field(max_length=1_000, description="The file, as `cargo-ai workspace file upload` names it.")]
    matching_column_slug: Named | None = Field(
        default=None, description="The column that rows are known by, where the model has no id column."
    )
    skip_invalid: bool = Field(default=False, description="Leave out rows that do not fit, instead of taking nothing.")


class RejectedRow(Wire):
    """A row that does not fit: its number (a CSV file's header is row 1), the column, why, and the value as the file has it."""

    row: int
    column: str
    message: str
    value: Any = None


class IngestReport(Wire):
    """What came of the rows. `errors` tells the first hundred of those that were rejected. Where those were left out, `reportUuid` and
    `reportUrl` lead to a file with the verdict on each row."""

    added: int
    updated: int
    unchanged: int
    rejected: int
    errors: list[RejectedRow]
    report_uuid: Uuid | None = None
    report_url: str | None = None


class DownloadIngestReport(Wire):
    """Which report, and the kind of file; gzipped CSV by default."""

    uuid: Uuid
    format: Literal["json", "ndjson", "csv", "parquet"] | None = None


class DownloadRecords(Wire):
    """Which model, and the kind of file; gzipped CSV by default."""

    model_uuid: Uuid
    format: Literal["json", "ndjson", "csv", "parquet"] | None = None


class UrlReply(Wire):
    """Where the file is; the address works for an hour."""

    url: str


_no_model = refusal(404, "There is no model {uuid} in this workspace.")

TokenReason = Literal["modelNotFound"]

create_token: Operation[ByUuid, IngestToken, TokenReason] = operations.add(
    Operation(
        "storage.model.createIngestToken",
        "POST",
        "/storage/models/{uuid}/ingestToken",
        request=ByUuid,
        response=IngestToken,
        summary="Make a token for sending records into a model; a former one stops working.",
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
        summary="Read an uploaded CSV, JSON lines or Parquet file into a model; all of it, or nothing.",
        permission="storage:write",
        refusals=REFUSES,
        cli=Cli(
            examples=(
                f"cargo-ai storage record ingest --model-uuid {_EXAMPLE} --s3-filename companies.csv",
                f"cargo-ai storage record ingest --model-uuid {_EXAMPLE} --s3-filename companies.csv --skip-invalid",
            )
        ),
    )
)

DownloadReason = Literal["modelNotFound"]

download: Operation[DownloadRecords, UrlReply, DownloadReason] = operations.add(
    Operation(
        "storage.record.download",
        "POST",
        "/storage/records/download",
        request=DownloadRecords,
        response=UrlReply,
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

download_report: Operation[DownloadIngestReport, UrlReply, ReportReason] = operations.add(
    Operation(
        "storage.record.downloadIngestReport",
        "POST",
        "/storage/records/downloadIngestReport",
        request=DownloadIngestReport,
        response=UrlReply,
        summary="Download what became of each row that `storage record ingest --skip-invalid` has read.",
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
