"""Duplicates: find, merge and unmerge records of a model that mean the same thing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.storage.record import Id
from cargo_ai.kernel.operation import Cli, Operation, RefusalSpec, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
MOST_IDS = 1_000

Survivor = Annotated[
    Literal["oldest", "newest", "mostRecentlyUpdated", "mostComplete"],
    Field(description="Which record of a group stays and takes in the others; mostComplete: the one with the most columns filled."),
]
By = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=10)]
Ids = Annotated[list[Id], Field(min_length=2, max_length=MOST_IDS)]


class WhichDuplicates(Wire):
    """What makes records duplicates: columns, or ids that you name; and which one survives."""

    by: By | None = Field(
        default=None,
        description="Columns in all of which duplicates agree, each alone or with how it is compared: `website:domain`. One of exact, text "
        "(case and spaces do not count), email, domain (of a URL or an address, without www), name (of companies and people: accents, "
        "punctuation and Inc. do not count), handle (of LinkedIn and the like). Alone: what suits the column's slug.",
    )
    ids: Ids | None = Field(default=None, description="The `_id`s of records that you know to be one thing, instead of --by.")
    survivor: Survivor = "oldest"
    survivor_id: Id | None = Field(default=None, description="The `_id` of the record that stays, with --ids; before any rule.")


class FindDuplicates(WhichDuplicates):
    """Which duplicates to look for; the largest groups come first."""

    uuid: Uuid
    limit: Annotated[int, Field(ge=1, le=100, description="How many groups at most; 20 by default.")] = 20
    offset: Annotated[int, Field(ge=0, le=2_147_483_647, description="How many groups to leave out at the beginning.")] = 0


class FilledColumn(Wire):
    """A column that is empty in the survivor and gets the value of another record."""

    column_slug: str
    value: Any
    from_id: str


class OtherValue(Wire):
    """A value that a merge gives up, and whose it is."""

    id: str
    value: Any


class Conflict(Wire):
    """A column in which the records differ: the value that stays, and those that go."""

    column_slug: str
    kept: Any
    others: list[OtherValue]


class Repointed(Wire):
    """Records of a model whose column leads to a record that goes, by a relationship: how many lead to the survivor afterwards."""

    model_uuid: Uuid
    column_slug: str
    count: int


class DuplicateGroup(Wire):
    """Records that are the same thing: what they have in common, and what a merge would make of them."""

    key: list[str]
    records_count: int
    survivor_id: str
    records: list[JsonObject]
    filled: list[FilledColumn]
    conflicts: list[Conflict]
    repointed: list[Repointed]


class DuplicatesReply(Wire):
    """Groups of duplicates. `duplicates_count`: how many records would be gone after a merge of all `groups_count` groups."""

    groups: list[DuplicateGroup]
    groups_count: int
    duplicates_count: int


class CreateMerge(WhichDuplicates):
    """Which duplicates to merge: those that `find-duplicates` shows for the same fields."""

    model_uuid: Uuid
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many groups at most; 100 by default.")] = 100


class Merge(Wire):
    """A merge. `removed_count`: how many records went into others; `repointed_count`: how many references to those lead elsewhere now."""

    uuid: Uuid
    model_uuid: Uuid
    user_uuid: Uuid
    by: list[str] | None
    ids: list[str] | None
    survivor: str
    survivor_id: str | None
    groups_count: int
    removed_count: int
    repointed_count: int
    created_at: Timestamp
    undone_at: Timestamp | None


class MergeReply(Wire):
    """One merge."""

    merge: Merge


class MergedReply(MergeReply):
    """A merge that was made, how many groups are left to merge, and what leads to survivors now."""

    groups_left: int
    repointed: list[Repointed]


class MergesReply(Wire):
    """Merges, newest first."""

    merges: list[Merge]


class ListMerges(Wire):
    """Which merges."""

    model_uuid: Uuid | None = None
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many at most; 100 by default.")] = 100
    offset: Annotated[int, Field(ge=0, le=2_147_483_647, description="How many to leave out at the beginning.")] = 0


WhichReason = Literal["modelNotFound", "columnNotFound", "matchingNotPossible", "recordNotFound"]

_which: dict[WhichReason, RefusalSpec] = {
    "modelNotFound": refusal(404, "There is no model {uuid} in this workspace."),
    "columnNotFound": refusal(404, "The model has no column {slug}."),
    "matchingNotPossible": refusal(400, "{problem}"),
    "recordNotFound": refusal(404, "The model has no record {id}."),
}

find: Operation[FindDuplicates, DuplicatesReply, WhichReason] = operations.add(
    Operation(
        "storage.model.findDuplicates",
        "POST",
        "/storage/models/{uuid}/duplicates",
        request=FindDuplicates,
        response=DuplicatesReply,
        summary="Find records that are the same thing, and see what a merge would make of them.",
        permission="storage:read",
        refusals=_which,
        reads=True,
        cli=Cli(
            flags={"uuid": ("--uuid", "--model-uuid")},
            csv=frozenset({"by", "ids"}),
            examples=(
                f"cargo-ai storage model find-duplicates {_EXAMPLE} --by email",
                f"cargo-ai storage model find-duplicates {_EXAMPLE} --by website:domain,name:name --survivor mostComplete --limit 50",
                f"cargo-ai storage model find-duplicates {_EXAMPLE} --ids acme.com,acme.io --survivor-id acme.com",
            ),
        ),
    )
)

CreateReason = Literal[WhichReason, "noDuplicates"]

create: Operation[CreateMerge, MergedReply, CreateReason] = operations.add(
    Operation(
        "storage.merge.create",
        "POST",
        "/storage/merges",
        request=CreateMerge,
        response=MergedReply,
        summary="Merge duplicates: what the survivor lacks is filled in from the others, which are removed; references follow.",
        permission="storage:write",
        refusals={**_which, "noDuplicates": refusal(400, "There are no duplicates to merge.")},
        agent_safe=False,
        cli=Cli(
            aliases=(("storage", "model", "merge-duplicates"),),
            csv=frozenset({"by", "ids"}),
            danger="This merges all duplicates that it finds; `storage merge undo` takes it back.",
            examples=(
                f"cargo-ai storage merge create --model-uuid {_EXAMPLE} --by email --survivor mostComplete --yes",
                f"cargo-ai storage merge create --model-uuid {_EXAMPLE} --ids acme.com,acme.io --survivor-id acme.com --yes",
            ),
        ),
    )
)

ListReason = Literal["modelNotFound"]

get_all: Operation[ListMerges, MergesReply, ListReason] = operations.add(
    Operation(
        "storage.merge.list",
        "GET",
        "/storage/merges/list",
        request=ListMerges,
        response=MergesReply,
        summary="List the merges, newest first.",
        permission="storage:read",
        refusals={"modelNotFound": _which["modelNotFound"]},
        cli=Cli(examples=(f"cargo-ai storage merge list --model-uuid {_EXAMPLE}",)),
    )
)

UndoReason = Literal["mergeNotFound", "mergeAlreadyUndone", "mergeTooOld", "modelNotFound", "recordAlreadyExists", "modelHasChanged"]

undo: Operation[ByUuid, MergeReply, UndoReason] = operations.add(
    Operation(
        "storage.merge.undo",
        "POST",
        "/storage/merges/{uuid}/undo",
        request=ByUuid,
        response=MergeReply,
        summary="Take a merge of the last 30 days back: the records are as they were before.",
        permission="storage:write",
        refusals={
            "mergeNotFound": refusal(404, "There is no merge {uuid} in this workspace."),
            "mergeAlreadyUndone": refusal(409, "This merge has been undone already."),
            "mergeTooOld": refusal(400, "This merge was made more than 30 days ago: what the records were is no longer known."),
            "modelNotFound": refusal(404, "The model of this merge was removed."),
            "recordAlreadyExists": refusal(409, "The model has a record {id} again, which this merge had removed. Remove it first."),
            "modelHasChanged": refusal(409, "The columns of the model have changed since: {problem}."),
        },
        agent_safe=False,
        cli=Cli(examples=(f"cargo-ai storage merge undo {_EXAMPLE}",)),
    )
)
