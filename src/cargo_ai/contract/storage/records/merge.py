"""Duplicates: find, merge and unmerge records of a model that stand for the same thing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.storage.records.record import Id
from cargo_ai.kernel.operation import Cli, Operation, RefusalSpec, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
MAX_IDS = 1_000

Survivor = Annotated[
    Literal["oldest", "newest", "mostRecentlyUpdated", "mostComplete"],
    Field(description="Which record of a group stays; mostComplete: the one with the most filled columns."),
]
By = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=10)]
Ids = Annotated[list[Id], Field(min_length=2, max_length=MAX_IDS)]


class WhichDuplicates(Wire):
    """Which records are duplicates, by columns or by ids, and which of them survives."""

    by: By | None = Field(
        default=None,
        description="The columns in all of which duplicates agree, comma-separated, at most 10: COLUMN or COLUMN:COMPARISON, such as "
        "website:domain. Comparisons: exact, text (ignores case and spaces), email, domain (of a URL or e-mail address, without www), name "
        "(of companies and people; ignores accents, punctuation and Inc.), handle (of LinkedIn "
        "and the like). By default chosen by the column's slug.",
    )
    ids: Ids | None = Field(default=None, description="Instead of --by: the ids of duplicates, 2 to 1,000, comma-separated.")
    survivor: Survivor = "oldest"
    survivor_id: Id | None = Field(default=None, description="With --ids: the id of the record that stays, instead of --survivor.")


class FindDuplicates(WhichDuplicates):
    """Which duplicates to find; the largest groups come first."""

    uuid: Uuid = Field(description="The model.")
    limit: Annotated[int, Field(ge=1, le=100, description="How many groups at most, 1 to 100.")] = 20
    offset: Annotated[int, Field(ge=0, le=2_147_483_647, description="How many groups to skip.")] = 0


class FilledColumn(Wire):
    """A column that is empty in the survivor and gets the value of another record."""

    column_slug: str
    value: Any
    from_id: str


class OtherValue(Wire):
    """A value that a merge discards, and the record that has it."""

    id: str
    value: Any


class Conflict(Wire):
    """A column in which the records differ: the value that is kept, and those that are discarded."""

    column_slug: str
    kept: Any
    others: list[OtherValue]


class Repointed(Wire):
    """Records of another model that refer to a removed record by a relationship: how many refer to the survivor afterwards."""

    model_uuid: Uuid
    column_slug: str
    count: int


class DuplicateGroup(Wire):
    """Records that are duplicates: the values that they share, and the outcome of a merge."""

    key: list[str]
    records_count: int
    survivor_id: str
    records: list[JsonObject]
    filled: list[FilledColumn]
    conflicts: list[Conflict]
    repointed: list[Repointed]


class DuplicatesReply(Wire):
    """Groups of duplicates. `duplicates_count`: how many records a merge of all `groups_count` groups would remove."""

    groups: list[DuplicateGroup]
    groups_count: int
    duplicates_count: int


class CreateMerge(WhichDuplicates):
    """Which duplicates to merge: those that `find-duplicates` shows for the same fields."""

    model_uuid: Uuid = Field(description="The model.")
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many groups at most, 1 to 1,000.")] = 100


class Merge(Wire):
    """A merge. `removed_count`: the number of records merged into others; `repointed_count`: of references changed to a survivor."""

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
    """A new merge, the number of groups left to merge, and the references changed to survivors."""

    groups_left: int
    repointed: list[Repointed]


class MergesReply(Wire):
    """Merges, newest first."""

    merges: list[Merge]


class ListMerges(Wire):
    """Which merges to list."""

    model_uuid: Uuid | None = Field(default=None, description="Only merges in this model.")
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many at most, 1 to 1,000.")] = 100
    offset: Annotated[int, Field(ge=0, le=2_147_483_647, description="How many to skip.")] = 0


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
        summary="Find duplicate records, and preview the outcome of a merge.",
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
        summary="Merge duplicates into one record each: empty columns are filled from the others, which are removed.",
        permission="storage:write",
        refusals={**_which, "noDuplicates": refusal(400, "There are no duplicates to merge.")},
        agent_safe=False,
        cli=Cli(
            aliases=(("storage", "model", "merge-duplicates"),),
            csv=frozenset({"by", "ids"}),
            danger="This merges all duplicates that it finds; `storage merge undo` reverts it.",
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
        summary="Undo a merge of the last 30 days: the records are restored.",
        permission="storage:write",
        refusals={
            "mergeNotFound": refusal(404, "There is no merge {uuid} in this workspace."),
            "mergeAlreadyUndone": refusal(409, "This merge has been undone already."),
            "mergeTooOld": refusal(
                400, "The original records of this merge are no longer stored: it is more than 30 days ago, or one of them was forgotten."
            ),
            "modelNotFound": refusal(404, "The model of this merge was removed."),
            "recordAlreadyExists": refusal(409, "The model has a record {id} again, which this merge had removed. Remove it first."),
            "modelHasChanged": refusal(409, "The columns of the model have changed since: {problem}."),
        },
        agent_safe=False,
        cli=Cli(examples=(f"cargo-ai storage merge undo {_EXAMPLE}",)),
    )
)
