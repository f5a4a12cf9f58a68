"""Change sets: what an import, a request, a batch or a run wrote into a model, and how to undo it. An addition to the public contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.storage.records.record import MAX_BULK, Id
from cargo_ai.contract.storage.run import UNTIL, Run
from cargo_ai.kernel.operation import Cli, Operation, RefusalSpec, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"

Kind = Literal["import", "ingest", "refresh", "write", "bulk", "batch", "run", "merge", "undo", "forget"]
"""import: a model was created from a file. ingest: a file or a request body was read into it. refresh: it was read from its source again.
write, bulk: one or many records by API. batch, run: by nodes of a workflow. merge: duplicates. undo: another change set was undone. forget:
former values of records were erased; `updatedCount` says of how many."""
Change = Literal["added", "updated", "removed", "forgotten"]
Limit = Annotated[int, Field(ge=1, le=1_000, description="How many at most, 1 to 1,000.")]
Offset = Annotated[int, Field(ge=0, le=2_147_483_647, description="How many to skip.")]
MAX_SHOWN_CONFLICTS = 100


class ChangeSet(Wire):
    """All that one request, file, batch or run wrote into one model, and who did. `source`: the file it came from. `undoesUuid`: the change
    set that this one undid; `undoneByUuid`: the one that undid this."""

    uuid: Uuid
    model_uuid: Uuid
    kind: Kind
    source: str | None
    user_uuid: Uuid | None
    token_uuid: Uuid | None
    workflow_uuid: Uuid | None
    batch_uuid: Uuid | None
    run_uuid: Uuid | None
    added_count: int
    updated_count: int
    removed_count: int
    undoes_uuid: Uuid | None
    undone_by_uuid: Uuid | None
    created_at: Timestamp


class ListChangeSets(Wire):
    """Which change sets to list."""

    model_uuid: Uuid | None = Field(default=None, description="Only those of this model.")
    kinds: list[Kind] | None = Field(default=None, description="Only these kinds, comma-separated.")
    limit: Limit = 100
    offset: Offset = 0


class ChangeSetReply(Wire):
    """One change set."""

    change_set: ChangeSet


class ChangeSetsReply(Wire):
    """Change sets, newest first."""

    change_sets: list[ChangeSet]


class ListChangedRecords(Wire):
    """Which change set to look into."""

    uuid: Uuid = Field(description="The change set.")
    limit: Limit = 100
    offset: Offset = 0


class ChangedColumn(Wire):
    """A column of a record: its value before and after the change."""

    column_slug: str
    before: Any
    after: Any


class ChangedRecord(Wire):
    """A record that was added, updated, removed or forgotten. `changes`: of an updated record, from what to what; `record`: of a removed
    one, what it was; nothing where that was forgotten."""

    id: Id
    change: Change
    changes: list[ChangedColumn]
    record: JsonObject | None
    run_uuid: Uuid | None
    changed_at: Timestamp


class ChangedRecordsReply(Wire):
    """Changed records, by id."""

    records: list[ChangedRecord]


class UndoChangeSet(Wire):
    """Which change set to undo, and what to do about records that were changed since."""

    uuid: Uuid = Field(description="The change set.")
    skip_conflicts: bool = Field(default=False, description="Leave records that were changed since; by default nothing is undone.")
    dry_run: bool = Field(default=False, description="Only say what would be undone.")


class UndoConflict(Wire):
    """A record that was changed since, and the columns that were; none where the record was removed, is there again or was forgotten."""

    id: Id
    problem: str
    column_slugs: list[str]


class UndoReply(Wire):
    """What was undone, or with `dryRun` would be: records that were added are removed, updated ones have their former values, removed
    ones are back. `changeSet`: the change set that this undo is, null with `dryRun` or when there was nothing to undo. `conflicts`: the
    first hundred of the records that were changed since. `run`: the storage run that undoes a large change set in the background; then all
    counts are 0, and those of the run say what it did. `isCountExact`: false where a dry run of a large change set counts what it wrote,
    conflicts included, and looks for these among the newest hundred records that were written since."""

    change_set: ChangeSet | None
    is_dry_run: bool
    removed_count: int
    reverted_count: int
    restored_count: int
    is_count_exact: bool = True
    conflicts_count: int
    conflicts: list[UndoConflict]
    run: Run | None = None


_not_found = refusal(404, "There is no change set {uuid} in this workspace; they are kept for {days} days.")
_no_model = refusal(404, "There is no model {uuid} in this workspace.")
_LIST = "cargo-ai storage change-set list"

ListReason = Literal["modelNotFound"]

get_all: Operation[ListChangeSets, ChangeSetsReply, ListReason] = operations.add(
    Operation(
        "storage.changeSet.list",
        "GET",
        "/storage/changeSets/list",
        request=ListChangeSets,
        response=ChangeSetsReply,
        summary="List what was written into models: imports, bulk writes, batches, runs; newest first.",
        permission="storage:read",
        refusals={"modelNotFound": _no_model},
        cli=Cli(
            csv=frozenset({"kinds"}),
            examples=(_LIST, f"{_LIST} --model-uuid {_EXAMPLE} --kinds import,ingest,bulk"),
        ),
    )
)

GetReason = Literal["changeSetNotFound"]

get: Operation[ByUuid, ChangeSetReply, GetReason] = operations.add(
    Operation(
        "storage.changeSet.get",
        "GET",
        "/storage/changeSets/{uuid}",
        request=ByUuid,
        response=ChangeSetReply,
        summary="Show a change set: who wrote, and how many records.",
        permission="storage:read",
        refusals={"changeSetNotFound": _not_found},
        cli=Cli(examples=(f"cargo-ai storage change-set get {_EXAMPLE}",)),
    )
)

RecordsReason = Literal["changeSetNotFound", "modelNotFound"]

list_records: Operation[ListChangedRecords, ChangedRecordsReply, RecordsReason] = operations.add(
    Operation(
        "storage.changeSet.listRecords",
        "GET",
        "/storage/changeSets/{uuid}/records",
        request=ListChangedRecords,
        response=ChangedRecordsReply,
        summary="List the records of a change set: which were added and removed, and which values changed from what to what.",
        permission="storage:read",
        refusals={"changeSetNotFound": _not_found, "modelNotFound": refusal(404, "The model of this change set was removed.")},
        cli=Cli(examples=(f"cargo-ai storage change-set list-records {_EXAMPLE} --limit 20",)),
    )
)

UndoReason = Literal[
    "changeSetNotFound",
    "modelNotFound",
    "alreadyUndone",
    "alreadyRunning",
    "stillRunning",
    "forgotten",
    "hasConflicts",
    "modelHasChanged",
]

_undo_refusals: dict[UndoReason, RefusalSpec] = {
    "changeSetNotFound": _not_found,
    "modelNotFound": refusal(404, "The model of this change set was removed."),
    "alreadyUndone": refusal(409, "This change set was undone by {undo}; undo that one to have its changes back."),
    "alreadyRunning": refusal(409, "An undo of this model is under way already: {run}."),
    "stillRunning": refusal(409, "Batch {batch} is still writing: cancel it, or wait until it ends."),
    "forgotten": refusal(409, "What was forgotten is erased: this cannot be undone."),
    "hasConflicts": refusal(409, "Records that were changed since: {count}, {first} among them. Nothing was undone."),
    "modelHasChanged": refusal(409, "The columns of the model have changed since: {problem}."),
}

undo: Operation[UndoChangeSet, UndoReply, UndoReason] = operations.add(
    Operation(
        "storage.changeSet.undo",
        "POST",
        "/storage/changeSets/{uuid}/undo",
        request=UndoChangeSet,
        response=UndoReply,
        summary="Undo an import, a bulk write or what a batch wrote, record by record; much of it in the background.",
        permission="storage:write",
        refusals=_undo_refusals,
        until=UNTIL,
        agent_safe=False,
        cli=Cli(
            examples=(
                f"cargo-ai storage change-set undo {_EXAMPLE} --dry-run",
                f"cargo-ai storage change-set undo {_EXAMPLE} --skip-conflicts --wait-until-finished",
            )
        ),
    )
)


class RecordHistory(Wire):
    """The record whose history is shown."""

    model_uuid: Uuid = Field(description="The model.")
    id: Id
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many changes at most, 1 to 1,000.")] = 100


class RecordEvent(Wire):
    """One write of a record, from what to what, and who wrote: the user with a token, or a run of a batch; `changeSet` is null where the
    writer is not known any more. `record`: of a removal, what the record was. forgotten: the values of the changes
    before it were erased."""

    change: Change
    changed_at: Timestamp
    changes: list[ChangedColumn]
    record: JsonObject | None
    run_uuid: Uuid | None
    change_set: ChangeSet | None


class RecordHistoryReply(Wire):
    """The changes of a record that are kept, newest first."""

    changes: list[RecordEvent]


HistoryReason = Literal["modelNotFound", "recordNotFound"]

history: Operation[RecordHistory, RecordHistoryReply, HistoryReason] = operations.add(
    Operation(
        "storage.record.history",
        "POST",
        "/storage/records/history",
        request=RecordHistory,
        response=RecordHistoryReply,
        summary="Show who changed a record, when, and from what to what; also of a record that was removed.",
        permission="storage:read",
        refusals={"modelNotFound": _no_model, "recordNotFound": refusal(404, "The model has no record {id} and never had one.")},
        reads=True,
        cli=Cli(examples=(f"cargo-ai storage record history --model-uuid {_EXAMPLE} --id acme.com",)),
    )
)


class ForgetRecords(Wire):
    """The records whose former values are erased."""

    model_uuid: Uuid = Field(description="The model.")
    ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_BULK)] = Field(description="The ids, at most 10,000, comma-separated.")


class ForgottenReply(Wire):
    """`count`: of how many records former values were erased. `idsWithoutHistory`: the other ids, of which none were kept. `changeSet`:
    the one that says who forgot them and when; null where nothing was."""

    count: int
    ids_without_history: list[str]
    change_set: ChangeSet | None


forget: Operation[ForgetRecords, ForgottenReply, Literal["modelNotFound"]] = operations.add(
    Operation(
        "storage.record.forget",
        "POST",
        "/storage/records/forget",
        request=ForgetRecords,
        response=ForgottenReply,
        summary="Erase the former values of records, removed ones too, from history, change sets and merges. Not from runs and files.",
        permission="storage:write",
        refusals={"modelNotFound": _no_model},
        agent_safe=False,
        cli=Cli(
            danger="This erases the former values of the records for good: what changed or removed them cannot be undone any more, nor can "
            "merges that they were part of. The outputs of runs, uploaded files and backups are not touched.",
            examples=(f"cargo-ai storage record forget --model-uuid {_EXAMPLE} --ids ana@acme.com,ben@acme.com --yes",),
        ),
    )
)
