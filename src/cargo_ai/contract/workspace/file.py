"""Uploaded files: sent whole or in parts, and inspected."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Removed, Uuid, Wire

MAX_PARTS = 10_000
_WRITE = "orchestration:workflow:write"
"""Uploads are the input of batches: who may start those may send files."""


class UploadFile(Wire):
    """A file, as the field `file` of a form (multipart/form-data)."""

    file: str = Field(description="The file; on the command line its path.", json_schema_extra={"format": "binary"})


class Uploaded(Wire):
    """A stored file. `s3Filename`: its key in other requests."""

    uuid: Uuid
    s3_filename: str
    content_type: str
    name: str


class ListColumns(Wire):
    """Which file to read."""

    s3_filename: str = Field(min_length=1, max_length=1024, description="The s3Filename that workspace file upload returned.")


class Column(Wire):
    """A column of a file."""

    type: Literal["string"] = "string"
    name: str


class ColumnsReply(Wire):
    """The columns of a file, in its order."""

    columns: list[Column]


class CreateMultipart(Wire):
    """A file that will come in parts."""

    content_type: str = Field(max_length=255, description="The content type, such as text/csv.")
    filename: str | None = Field(default=None, max_length=1024, description="The name of the file.")


class MultipartReply(Wire):
    """An upload that waits for its parts."""

    s3_filename: str
    upload_id: str


_KEY = "The s3Filename that file-multipart create returned."
_UPLOAD = "The uploadId that file-multipart create returned."


class SignPart(Wire):
    """Which part will be sent."""

    s3_filename: str = Field(min_length=1, max_length=1024, description=_KEY)
    upload_id: Uuid = Field(description=_UPLOAD)
    part_number: int = Field(ge=1, le=MAX_PARTS, description="The number of the part, 1 to 10,000; parts are joined in this order.")


class SignedPart(Wire):
    """The URL to PUT the part to; the `etag` header of the reply is needed to complete the upload."""

    url: str


class Part(Wire):
    """A part that was sent."""

    part_number: int = Field(ge=1, le=MAX_PARTS)
    etag: str = Field(validation_alias=AliasChoices("etag", "eTag", "ETag"), min_length=1, max_length=200)


class CompleteMultipart(Wire):
    """All parts of an upload."""

    s3_filename: str = Field(min_length=1, max_length=1024, description=_KEY)
    upload_id: Uuid = Field(description=_UPLOAD)
    parts: list[Part] = Field(
        min_length=1, max_length=MAX_PARTS, description='All parts, with the etag header of each upload: [{"partNumber":1,"etag":"..."}].'
    )


class CompletedReply(Wire):
    """The complete file."""

    s3_filename: str


class AbortMultipart(Wire):
    """An upload to give up."""

    s3_filename: str = Field(min_length=1, max_length=1024, description=_KEY)
    upload_id: Uuid = Field(description=_UPLOAD)


_no_upload = refusal(404, "There is no open upload {upload} of this file: it was completed, aborted, or never started.")
_unavailable = refusal(503, "The file store does not answer or is full; nothing was changed. Try again in a moment.")
_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001/uploads/0198c5f0-0000-7000-8000-000000000002/companies.csv"

UploadReason = Literal["noFile", "uploadIncomplete", "fileTooLarge", "filesUnavailable"]

upload: Operation[UploadFile, Uploaded, UploadReason] = operations.add(
    Operation(
        "workspaceManagement.file.upload",
        "POST",
        "/workspaceManagement/files/upload",
        request=UploadFile,
        response=Uploaded,
        summary="Upload a file, such as a CSV file for a batch or a model.",
        permission=_WRITE,
        refusals={
            "noFile": refusal(400, "There is no file in the request: send it as multipart/form-data in the field `file`."),
            "uploadIncomplete": refusal(400, "The form could not be read to its end, so nothing was stored: {problem}."),
            "fileTooLarge": refusal(413, "The file is larger than {limit}, which is the most that this server takes."),
            "filesUnavailable": _unavailable,
        },
        cli=Cli(
            upload="file",
            flags={"file": ("--file-path", "--file")},
            examples=("cargo-ai workspace file upload --file-path companies.csv",),
        ),
        agent_safe=False,
    )
)

ListColumnsReason = Literal["noColumnsFound", "fileNotFound", "fileInvalid", "filesUnavailable"]

list_columns: Operation[ListColumns, ColumnsReply, ListColumnsReason] = operations.add(
    Operation(
        "workspaceManagement.file.listColumns",
        "GET",
        "/workspaceManagement/files/listColumns",
        request=ListColumns,
        response=ColumnsReply,
        summary="List the columns of an uploaded CSV or Parquet file.",
        permission="orchestration:workflow:read",
        refusals={
            "noColumnsFound": refusal(400, "The file is empty: its first line must name the columns."),
            "fileNotFound": refusal(404, "There is no file {file} in this workspace."),
            "fileInvalid": refusal(400, "The file cannot be read. {problem}"),
            "filesUnavailable": _unavailable,
        },
        cli=Cli(examples=(f"cargo-ai workspace file list-columns --s3-filename {_EXAMPLE}",)),
    )
)

create_multipart: Operation[CreateMultipart, MultipartReply, Any] = operations.add(
    Operation(
        "workspaceManagement.fileMultipart.create",
        "POST",
        "/workspaceManagement/files/multipart/create",
        request=CreateMultipart,
        response=MultipartReply,
        summary="Start an upload of a large file in parts.",
        permission=_WRITE,
        cli=Cli(examples=("cargo-ai workspace file-multipart create --content-type text/csv --filename companies.csv",)),
        agent_safe=False,
    )
)

SignReason = Literal["uploadNotFound"]

sign_part: Operation[SignPart, SignedPart, SignReason] = operations.add(
    Operation(
        "workspaceManagement.fileMultipart.sign",
        "POST",
        "/workspaceManagement/files/multipart/sign",
        request=SignPart,
        response=SignedPart,
        summary="Create the URL for uploading one part by PUT, valid for an hour.",
        permission=_WRITE,
        refusals={"uploadNotFound": _no_upload},
        cli=Cli(
            examples=(f"cargo-ai workspace file-multipart sign --s3-filename {_EXAMPLE} --upload-id {_EXAMPLE[45:81]} --part-number 1",)
        ),
        agent_safe=False,
    )
)

CompleteReason = Literal["uploadNotFound", "partsInvalid", "filesUnavailable"]

complete_multipart: Operation[CompleteMultipart, CompletedReply, CompleteReason] = operations.add(
    Operation(
        "workspaceManagement.fileMultipart.complete",
        "POST",
        "/workspaceManagement/files/multipart/complete",
        request=CompleteMultipart,
        response=CompletedReply,
        summary="Join the parts into the file.",
        permission=_WRITE,
        refusals={
            "uploadNotFound": _no_upload,
            "partsInvalid": refusal(400, "The parts do not make up the file: {problem}."),
            "filesUnavailable": _unavailable,
        },
        cli=Cli(
            examples=(
                f"cargo-ai workspace file-multipart complete --s3-filename {_EXAMPLE} --upload-id {_EXAMPLE[45:81]}"
                """ --parts '[{"partNumber":1,"etag":"..."}]'""",
            )
        ),
        agent_safe=False,
    )
)

AbortReason = Literal["uploadNotFound"]

abort_multipart: Operation[AbortMultipart, Removed, AbortReason] = operations.add(
    Operation(
        "workspaceManagement.fileMultipart.abort",
        "POST",
        "/workspaceManagement/files/multipart/abort",
        request=AbortMultipart,
        response=Removed,
        summary="Abort an upload in parts and discard its parts.",
        permission=_WRITE,
        refusals={"uploadNotFound": _no_upload},
        cli=Cli(examples=(f"cargo-ai workspace file-multipart abort --s3-filename {_EXAMPLE} --upload-id {_EXAMPLE[45:81]}",)),
        agent_safe=False,
    )
)
