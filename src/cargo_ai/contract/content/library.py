"""Libraries: what files belong to: uploaded into native ones, read from a service into those of connectors."""

from __future__ import annotations

from typing import Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.content.file import LibraryKind
from cargo_ai.kernel.operation import Cli, Operation, Until, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Removed, Timestamp, Uuid, Wire

LibraryStatus = Literal["ready", "syncing", "error"]
FINAL = frozenset({"ready", "error"})


class Library(Wire):
    """A library. `status`: `syncing` while the files of a service are read; `error`: the last time that failed, which `errorMessage`
    explains: the files stay, and a worker tries again within an hour."""

    uuid: Uuid
    workspace_uuid: Uuid
    kind: LibraryKind
    connector_uuid: Uuid | None
    name: str
    extractor_slug: str
    config: JsonObject
    folder_uuid: Uuid | None
    status: LibraryStatus
    error_message: str | None
    last_synced_at: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class LibraryReply(Wire):
    """One library."""

    library: Library


class LibrariesReply(Wire):
    """Libraries, the oldest first."""

    libraries: list[Library]


class ListLibraries(Wire):
    """Which libraries to list."""

    connector_uuid: Uuid | None = Field(default=None, description="Those of this connector.")
    kind: LibraryKind | None = Field(default=None, description="native: for uploads; connector: filled from a service.")


class CreateLibrary(Wire):
    """A new library: for uploads, or filled by an extractor of a connector."""

    name: str = Field(min_length=1, max_length=200, description="The name.")
    extractor_slug: str | None = Field(
        default=None, min_length=1, max_length=200, description="What the service gives: an extractor of it."
    )
    config: JsonObject = Field(default_factory=dict, description="The extractor's config.")
    connector_uuid: Uuid | None = Field(default=None, description="The connector; none for a library of uploads.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder, of kind file.")


class UpdateLibrary(Wire):
    """Changes to a library; absent fields stay as they are."""

    uuid: Uuid = Field(description="The library.")
    name: str | None = Field(default=None, min_length=1, max_length=200, description="The new name.")
    config: JsonObject | None = Field(default=None, description="The extractor's new config.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder, of kind file; null: none.")


_NOT_FOUND = refusal(404, "There is no library {uuid} in this workspace.")
_UNTIL = Until("content.library.get", key="library.uuid", field="library.status", final=FINAL, bad=frozenset({"error"}))
_FOLDER = refusal(404, "There is no folder {folder} for files in this workspace.")

list_: Operation[ListLibraries, LibrariesReply, Never] = operations.add(
    Operation(
        "content.library.list",
        "GET",
        "/content/libraries/list",
        request=ListLibraries,
        response=LibrariesReply,
        summary="List the libraries of the workspace.",
        permission="content:file:read",
        cli=Cli(examples=("cargo-ai content library list --kind native",)),
    )
)

get: Operation[ByUuid, LibraryReply, Literal["libraryNotFound"]] = operations.add(
    Operation(
        "content.library.get",
        "GET",
        "/content/libraries/{uuid}",
        request=ByUuid,
        response=LibraryReply,
        summary="Show a library.",
        permission="content:file:read",
        refusals={"libraryNotFound": _NOT_FOUND},
        waits=Waits("library.uuid", "library.status", FINAL),
        cli=Cli(examples=("cargo-ai content library get UUID",)),
    )
)

CreateReason = Literal["connectorNotFound", "integrationNotFound", "integrationNotCompatible", "folderNotFound"]

create: Operation[CreateLibrary, LibraryReply, CreateReason] = operations.add(
    Operation(
        "content.library.create",
        "POST",
        "/content/libraries/create",
        request=CreateLibrary,
        response=LibraryReply,
        summary="Create a library, for uploads or filled with the files of a service, which are read again every hour.",
        permission="content:file:write",
        refusals={
            "connectorNotFound": refusal(404, "There is no connector {uuid} in this workspace."),
            "integrationNotFound": refusal(404, "The integration of the connector {uuid} is not on this server any more."),
            "integrationNotCompatible": refusal(400, "{problem} Leave out connectorUuid and extractorSlug for a library of uploads."),
            "folderNotFound": _FOLDER,
        },
        until=_UNTIL,
        cli=Cli(
            examples=(
                "cargo-ai content library create --name Playbooks",
                'cargo-ai content library create --name A --connector-uuid UUID --extractor-slug files --config \'{"prefix":"docs/"}\'',
            ),
        ),
    )
)

UpdateReason = Literal["libraryNotFound", "folderNotFound", "integrationNotCompatible"]

update: Operation[UpdateLibrary, LibraryReply, UpdateReason] = operations.add(
    Operation(
        "content.library.update",
        "PATCH",
        "/content/libraries/{uuid}",
        request=UpdateLibrary,
        response=LibraryReply,
        summary="Rename a library, move it into a folder, or change which files of a service fill it.",
        permission="content:file:write",
        refusals={"libraryNotFound": _NOT_FOUND, "folderNotFound": _FOLDER, "integrationNotCompatible": refusal(400, "{problem}")},
        cli=Cli(examples=('cargo-ai content library update --uuid UUID --name "Playbooks 2026"',)),
    )
)

sync: Operation[ByUuid, LibraryReply, Literal["libraryNotFound", "libraryNotOfConnector"]] = operations.add(
    Operation(
        "content.library.sync",
        "POST",
        "/content/libraries/{uuid}/sync",
        request=ByUuid,
        response=LibraryReply,
        summary="Read the files of a service into its library now: new and changed ones are indexed, those that are gone are removed.",
        permission="content:file:write",
        refusals={
            "libraryNotFound": _NOT_FOUND,
            "libraryNotOfConnector": refusal(400, "Files are uploaded into the library {uuid}; no service fills it."),
        },
        until=_UNTIL,
        cli=Cli(examples=("cargo-ai content library sync UUID --wait-until-finished",)),
    )
)

remove: Operation[ByUuid, Removed, Literal["libraryNotFound", "libraryHasFiles"]] = operations.add(
    Operation(
        "content.library.remove",
        "DELETE",
        "/content/libraries/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove a library that has no files; one that a service fills with the files in it.",
        permission="content:file:write",
        refusals={
            "libraryNotFound": _NOT_FOUND,
            "libraryHasFiles": refusal(409, "The library has {count} files: remove them first."),
        },
        cli=Cli(examples=("cargo-ai content library remove UUID",)),
    )
)
