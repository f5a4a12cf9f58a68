"""The bin: removed models, plays, tools, segments and connectors, which can be restored. An addition to the public contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, RefusalSpec, refusal
from cargo_ai.kernel.wire import ByUuid, Removed, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
_LIST = "cargo-ai workspace bin list"

BinKind = Literal["model", "play", "tool", "segment", "connector"]
Kinds = Annotated[list[BinKind] | None, Field(description="Only these kinds, comma-separated.")]
Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=60)]


class RemovedToBin(Removed):
    """What was removed. `restoreUntil`: until when the command of `restore` brings it back; null where it is gone forever."""

    restore_until: Timestamp | None = None
    restore: str | None = None


class BinItem(Wire):
    """A removed thing, who removed it, and until when it can be restored. `recordsCount`: of a model, its records, which count against the
    workspace's quota until it is gone. `restore`: the command that brings it back."""

    uuid: Uuid
    kind: BinKind
    name: str
    slug: str | None
    records_count: int | None
    removed_by_uuid: Uuid
    removed_by: str | None
    removed_at: Timestamp
    restore_until: Timestamp
    restore: str


class ListBin(Wire):
    """Which removed things to list."""

    kinds: Kinds = None
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many at most, 1 to 1,000.")] = 100
    offset: Annotated[int, Field(ge=0, le=2_147_483_647, description="How many to skip.")] = 0


class BinReply(Wire):
    """Removed things that can be restored, those removed last first. `count`: how many there are in all."""

    items: list[BinItem]
    count: int


class RestoreItem(Wire):
    """What to restore."""

    uuid: Uuid = Field(description="The removed thing, as workspace bin list shows it.")
    slug: Slug | None = Field(default=None, description="Another slug, where its own is in use by now.")


class Restored(Wire):
    """What was restored, under which slug."""

    uuid: Uuid
    kind: BinKind
    name: str
    slug: str | None


class EmptyBin(Wire):
    """What to remove forever."""

    kinds: Kinds = None


class Emptied(Wire):
    """How many things were removed forever. Where there are very many, the tables of some are dropped within the hour."""

    count: int


class PreviewRemoval(Wire):
    """The thing that is about to be removed."""

    kind: BinKind = Field(description="What it is.")
    uuid: Uuid = Field(description="Its uuid.")


class RemovalPreview(Wire):
    """What the removal of a thing would take away, in a sentence. `restoreUntil`: null where it could not be restored."""

    kind: BinKind
    uuid: Uuid
    name: str
    sentence: str
    restore_until: Timestamp | None
    restore: str | None


_not_found = refusal(404, "There is nothing {uuid} in the bin of this workspace.")
_forbidden = refusal(403, "You need the permission {permission} for this.")

get_all: Operation[ListBin, BinReply, Literal["forbidden"]] = operations.add(
    Operation(
        "workspaceManagement.bin.list",
        "GET",
        "/workspaceManagement/bin/list",
        request=ListBin,
        response=BinReply,
        summary="List removed models, plays, tools, segments and connectors that you may restore.",
        permission=None,
        refusals={"forbidden": _forbidden},
        cli=Cli(csv=frozenset({"kinds"}), examples=(_LIST, f"{_LIST} --kinds model,play")),
    )
)

PreviewReason = Literal["forbidden", "thingNotFound"]

preview: Operation[PreviewRemoval, RemovalPreview, PreviewReason] = operations.add(
    Operation(
        "workspaceManagement.bin.preview",
        "GET",
        "/workspaceManagement/bin/preview",
        request=PreviewRemoval,
        response=RemovalPreview,
        summary="Say what the removal of a thing would take away, and until when it could be restored.",
        permission=None,
        refusals={"forbidden": _forbidden, "thingNotFound": refusal(404, "There is no {kind} {uuid} in this workspace.")},
        cli=Cli(examples=(f"cargo-ai workspace bin preview --kind model --uuid {_EXAMPLE}",)),
    )
)

RestoreReason = Literal["itemNotFound", "forbidden", "duplicateSlug", "slugNotCompatible", "neededIsRemoved"]

_restore_refusals: dict[RestoreReason, RefusalSpec] = {
    "itemNotFound": _not_found,
    "forbidden": _forbidden,
    "duplicateSlug": refusal(409, "Another {kind} has the slug {slug} by now: restore this one with another slug (--slug)."),
    "slugNotCompatible": refusal(400, "{problem}"),
    "neededIsRemoved": refusal(409, "{problem}"),
}

restore: Operation[RestoreItem, Restored, RestoreReason] = operations.add(
    Operation(
        "workspaceManagement.bin.restore",
        "POST",
        "/workspaceManagement/bin/{uuid}/restore",
        request=RestoreItem,
        response=Restored,
        summary="Restore a removed thing with all that belongs to it.",
        permission=None,
        refusals=_restore_refusals,
        cli=Cli(
            examples=(
                f"cargo-ai workspace bin restore {_EXAMPLE}",
                f"cargo-ai workspace bin restore {_EXAMPLE} --slug companies_2",
            )
        ),
    )
)

RemoveReason = Literal["itemNotFound", "forbidden"]

remove: Operation[ByUuid, Removed, RemoveReason] = operations.add(
    Operation(
        "workspaceManagement.bin.remove",
        "DELETE",
        "/workspaceManagement/bin/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove a thing that is in the bin forever.",
        permission=None,
        refusals={"itemNotFound": _not_found, "forbidden": _forbidden},
        cli=Cli(
            danger="This removes it forever, with all that belongs to it: it cannot be restored any more.",
            examples=(f"cargo-ai workspace bin remove {_EXAMPLE}",),
        ),
        agent_safe=False,
    )
)

empty: Operation[EmptyBin, Emptied, Literal["forbidden"]] = operations.add(
    Operation(
        "workspaceManagement.bin.empty",
        "POST",
        "/workspaceManagement/bin/empty",
        request=EmptyBin,
        response=Emptied,
        summary="Remove everything that is in the bin, and that you may remove, forever.",
        permission=None,
        refusals={"forbidden": _forbidden},
        cli=Cli(
            csv=frozenset({"kinds"}),
            danger="This removes what is in the bin forever: it cannot be restored any more.",
            examples=("cargo-ai workspace bin empty", "cargo-ai workspace bin empty --kinds segment,tool"),
        ),
        agent_safe=False,
    )
)
