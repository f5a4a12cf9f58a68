"""Files that agents search in: uploaded, listed, read, changed and removed."""

from __future__ import annotations

from typing import Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, Until, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, Removed, Timestamp, Uuid, Wire

LibraryKind = Literal["connector", "native"]
FileStatus = Literal["pending", "indexing", "ready", "error"]
FINAL = frozenset({"ready", "error"})


class File(Wire):
    """A file. `status`: `ready` when it can be searched, `error` when its text cannot be read, which `errorMessage` explains.

    `warning`: what of it was left out. `chunksCount`: how many pieces of text it was cut into. `isIndexedInOpenAiVectorStore` is whether it
    can be searched; `openAiFileId` is empty, for files stay on this server.
    """

    uuid: Uuid
    workspace_uuid: Uuid
    library_uuid: Uuid
    kind: LibraryKind
    connector_uuid: Uuid | None
    user_uuid: Uuid | None
    name: str
    is_temporary: bool
    folder_uuid: Uuid | None
    s3_filename: str
    open_ai_file_id: str
    content_type: str
    size: int
    is_indexed_in_open_ai_vector_store: bool
    external_id: str | None
    status: FileStatus
    error_message: str | None
    warning: str | None
    chunks_count: int
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class FileReply(Wire):
    """One file."""

    file: File


class FilesReply(Wire):
    """Files, the newest first."""

    files: list[File]


class UploadedReply(Wire):
    """The file, alone and as a list."""

    file: File
    files: list[File]


class ListFiles(Wire):
    """Which files to list."""

    connector_uuid: Uuid | None = Field(default=None, description="Those that came from this connector.")
    kind: LibraryKind | None = Field(default=None, description="native: uploaded; connector: read from a service.")
    folder_uuid: Uuid | None = Field(default=None, description="Those in this folder.")
    library_uuid: Uuid | None = Field(default=None, description="Those of this library.")


class UploadFile(Wire):
    """A file, as the field `file` of a form (multipart/form-data); the other fields may come before or after it."""

    file: str = Field(description="The file; on the command line its path.", json_schema_extra={"format": "binary"})
    folder_uuid: Uuid | None = Field(default=None, description="The folder for it, of kind file.")
    library_uuid: Uuid | None = Field(default=None, description="The library for it; the workspace's own by default.")
    uuid: Uuid | None = Field(default=None, description="The file that it replaces; agents that search in it go on with the new one.")


class UpdateFile(Wire):
    """Changes to a file; absent fields stay as they are."""

    uuid: Uuid = Field(description="The file.")
    name: str | None = Field(default=None, min_length=1, max_length=255, description="The new name.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder, of kind file; null: none.")


class RawFile(Wire):
    """The bytes of a file."""

    content: str


_NOT_FOUND = refusal(404, "There is no file {uuid} in this workspace.")
_FOLDER = refusal(404, "There is no folder {folder} for files in this workspace.")
_UNAVAILABLE = refusal(503, "The file store does not answer or is full; nothing was changed. Try again in a moment.")
_UNTIL = Until("content.file.get", key="file.uuid", field="file.status", final=FINAL, bad=frozenset({"error"}))

get_all: Operation[ListFiles, FilesReply, Never] = operations.add(
    Operation(
        "content.file.all",
        "GET",
        "/content/files/list",
        request=ListFiles,
        response=FilesReply,
        summary="List the files that agents can search in, the newest first.",
        permission="content:file:read",
        cli=Cli(
            words=("content", "file", "list"),
            aliases=(("ai", "file", "list"), ("ai", "file", "all"), ("content", "file", "all")),
            examples=("cargo-ai content file list",),
        ),
    )
)

get: Operation[ByUuid, FileReply, Literal["fileNotFound"]] = operations.add(
    Operation(
        "content.file.get",
        "GET",
        "/content/files/{uuid}",
        request=ByUuid,
        response=FileReply,
        summary="Show a file, and whether it can be searched.",
        permission="content:file:read",
        refusals={"fileNotFound": _NOT_FOUND},
        waits=Waits("file.uuid", "file.status", FINAL),
        cli=Cli(aliases=(("ai", "file", "get"),), examples=("cargo-ai content file get UUID",)),
    )
)

UploadReason = Literal[
    "noFile",
    "uploadIncomplete",
    "fileTooLarge",
    "filesUnavailable",
    "fileNotFound",
    "folderNotFound",
    "libraryNotFound",
    "libraryNotNative",
]

upload: Operation[UploadFile, UploadedReply, UploadReason] = operations.add(
    Operation(
        "content.file.upload",
        "POST",
        "/content/files/upload",
        request=UploadFile,
        response=UploadedReply,
        summary="Upload a file for agents: PDF, DOCX, XLSX, CSV, HTML, Markdown or text. A worker then makes it searchable.",
        permission="content:file:write",
        refusals={
            "noFile": refusal(400, "There is no file in the request: send it as multipart/form-data in the field `file`."),
            "uploadIncomplete": refusal(400, "The form could not be read to its end, so nothing was stored: {problem}."),
            "fileTooLarge": refusal(413, "The file is larger than {limit}, which is the most that this server takes."),
            "filesUnavailable": _UNAVAILABLE,
            "fileNotFound": _NOT_FOUND,
            "folderNotFound": _FOLDER,
            "libraryNotFound": refusal(404, "There is no library {uuid} in this workspace."),
            "libraryNotNative": refusal(400, "The library {uuid} is filled by a connector; files cannot be uploaded into it."),
        },
        until=_UNTIL,
        cli=Cli(
            upload="file",
            flags={"file": ("--file-path", "--file")},
            aliases=(("ai", "file", "upload"),),
            examples=("cargo-ai content file upload --file-path handbook.pdf --wait-until-finished",),
        ),
        agent_safe=False,
    )
)

update: Operation[UpdateFile, FileReply, Literal["fileNotFound", "folderNotFound"]] = operations.add(
    Operation(
        "content.file.update",
        "PUT",
        "/content/files/{uuid}",
        request=UpdateFile,
        response=FileReply,
        summary="Rename a file, or move it into a folder.",
        permission="content:file:write",
        refusals={"fileNotFound": _NOT_FOUND, "folderNotFound": _FOLDER},
        cli=Cli(aliases=(("ai", "file", "update"),), examples=('cargo-ai content file update --uuid UUID --name "Handbook"',)),
    )
)

remove: Operation[ByUuid, Removed, Literal["fileNotFound"]] = operations.add(
    Operation(
        "content.file.remove",
        "DELETE",
        "/content/files/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove a file for good; agents do not find it any more.",
        permission="content:file:write",
        refusals={"fileNotFound": _NOT_FOUND},
        cli=Cli(aliases=(("ai", "file", "remove"),), examples=("cargo-ai content file remove UUID",)),
    )
)

reindex: Operation[ByUuid, FileReply, Literal["fileNotFound"]] = operations.add(
    Operation(
        "content.file.reindex",
        "POST",
        "/content/files/{uuid}/reindex",
        request=ByUuid,
        response=FileReply,
        summary="Read the text of a file again.",
        permission="content:file:write",
        refusals={"fileNotFound": _NOT_FOUND},
        until=_UNTIL,
        cli=Cli(examples=("cargo-ai content file reindex UUID --wait-until-finished",)),
    )
)

read_bytes: Operation[ByUuid, RawFile, Literal["fileNotFound", "tooLarge", "filesUnavailable"]] = operations.add(
    Operation(
        "content.file.readBytes",
        "GET",
        "/content/files/{uuid}/raw",
        request=ByUuid,
        response=RawFile,
        summary="Read a file as it was uploaded.",
        permission="content:file:read",
        refusals={
            "fileNotFound": _NOT_FOUND,
            "tooLarge": refusal(413, "The file has {size}; at most {limit} are sent at once."),
            "filesUnavailable": _UNAVAILABLE,
        },
        output="text",
        cli=Cli(examples=("cargo-ai content file read-bytes UUID > handbook.pdf",)),
        agent_safe=False,
    )
)
