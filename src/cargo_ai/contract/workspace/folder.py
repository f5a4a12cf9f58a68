"""Folders: group tools, plays, agents and the like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Nothing, Removed, Timestamp, Uuid, Wire

FolderKind = Literal["tool", "play", "agent", "file", "mcpServer", "model", "app", "worker", "alert"]
FolderName = Annotated[str, Field(min_length=1, max_length=200)]
EmojiSlug = Annotated[str, Field(min_length=1, max_length=100)]


class Folder(Wire):
    """A folder."""

    uuid: Uuid
    parent_uuid: Uuid | None
    kind: FolderKind
    workspace_uuid: Uuid
    name: str
    emoji_slug: str
    is_read_only: bool
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class FolderReply(Wire):
    """One folder."""

    folder: Folder


class FoldersReply(Wire):
    """The folders of the workspace, by `order`, then by age."""

    folders: list[Folder]


class CreateFolder(Wire):
    """A new folder."""

    name: FolderName = Field(description="The name, unique in its parent folder.")
    emoji_slug: EmojiSlug = Field(description="The emoji, such as inbox_tray.")
    kind: FolderKind = Field(description="The kind of objects in the folder.")
    parent_uuid: Uuid | None = Field(default=None, description="The parent folder, of the same kind; the top level by default.")


class UpdateFolder(Wire):
    """Changes to a folder; absent fields stay as they are."""

    uuid: Uuid = Field(description="The folder.")
    name: FolderName | None = Field(default=None, description="The new name.")
    emoji_slug: EmojiSlug | None = Field(default=None, description="The new emoji, such as inbox_tray.")
    order: float | None = Field(default=None, allow_inf_nan=False, description="The position in the list; lower comes first.")
    parent_uuid: Uuid | None = Field(default=None, description="The new parent folder, of the same kind; null: the top level.")


_not_found = refusal(404, "There is no folder {folder} in this workspace.")
_duplicate = refusal(409, "There is already a folder {name!r} of this kind in the same place.")
_invalid_parent = refusal(400, "A folder of kind {kind!r} cannot be in folder {parent}: {why}.")
_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"

get_all: Operation[Nothing, FoldersReply, Any] = operations.add(
    Operation(
        "workspaceManagement.folder.all",
        "GET",
        "/workspaceManagement/folders/list",
        request=Nothing,
        response=FoldersReply,
        summary="List the folders of the workspace.",
        permission="workspaceManagement:folder:read",
        cli=Cli(examples=("cargo-ai workspace folder list",)),
    )
)

GetReason = Literal["folderNotFound"]

get: Operation[ByUuid, FolderReply, GetReason] = operations.add(
    Operation(
        "workspaceManagement.folder.get",
        "GET",
        "/workspaceManagement/folders/{uuid}",
        request=ByUuid,
        response=FolderReply,
        summary="Show a folder.",
        permission="workspaceManagement:folder:read",
        refusals={"folderNotFound": _not_found},
        cli=Cli(examples=(f"cargo-ai workspace folder get {_EXAMPLE}",)),
    )
)

CreateReason = Literal["duplicateName", "folderNotFound", "invalidParent"]

create: Operation[CreateFolder, FolderReply, CreateReason] = operations.add(
    Operation(
        "workspaceManagement.folder.create",
        "POST",
        "/workspaceManagement/folders",
        request=CreateFolder,
        response=FolderReply,
        summary="Create a folder for objects of one kind.",
        permission="workspaceManagement:folder:write",
        refusals={"duplicateName": _duplicate, "folderNotFound": _not_found, "invalidParent": _invalid_parent},
        cli=Cli(examples=("cargo-ai workspace folder create --name Inbound --emoji-slug inbox_tray --kind tool",)),
    )
)

UpdateReason = Literal["folderNotFound", "duplicateName", "invalidParent"]

update: Operation[UpdateFolder, FolderReply, UpdateReason] = operations.add(
    Operation(
        "workspaceManagement.folder.update",
        "PUT",
        "/workspaceManagement/folders/{uuid}",
        request=UpdateFolder,
        response=FolderReply,
        summary="Rename, move or reorder a folder.",
        permission="workspaceManagement:folder:write",
        refusals={"folderNotFound": _not_found, "duplicateName": _duplicate, "invalidParent": _invalid_parent},
        cli=Cli(examples=(f"cargo-ai workspace folder update --uuid {_EXAMPLE} --name Outbound",)),
    )
)

RemoveReason = Literal["folderNotFound", "folderIsUsed"]

remove: Operation[ByUuid, Removed, RemoveReason] = operations.add(
    Operation(
        "workspaceManagement.folder.remove",
        "DELETE",
        "/workspaceManagement/folders/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove an empty folder.",
        permission="workspaceManagement:folder:write",
        refusals={
            "folderNotFound": _not_found,
            "folderIsUsed": refusal(409, "The folder is not empty: move or remove what is in it first ({used})."),
        },
        cli=Cli(examples=(f"cargo-ai workspace folder remove {_EXAMPLE}",)),
    )
)
