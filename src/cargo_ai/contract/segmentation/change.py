"""Segment changes: how a segment differs from its last snapshot, and the records concerned."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import STREAMED, DownloadReply, Format
from cargo_ai.contract.segmentation.segment import MAXIMUM_FETCH, RecordColumn
from cargo_ai.kernel.operation import Cli, Operation, Until, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

ChangeKind = Literal["added", "updated", "removed", "unchanged"]
ChangeStatus = Literal["pending", "running", "success", "error"]
_FINAL = frozenset({"success", "error"})


def _rename_created(value: Any) -> Any:
    return "added" if value == "created" else value


ChangeKindGiven = Annotated[
    ChangeKind, BeforeValidator(_rename_created), WithJsonSchema({"type": "string", "enum": [*get_args(ChangeKind), "created"]})
]
"""`created` is another name for `added`."""


def _items(value: Any) -> Any:
    return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value


Kinds = Annotated[list[ChangeKindGiven], BeforeValidator(_items), Field(min_length=1, max_length=5)]


class Change(Wire):
    """The numbers of records added, updated, removed and unchanged; `totalRecordsCount`: the size of the segment at that time. `status`:
    a large segment is compared in the background; until it is `success` the numbers are 0, and while it is `running`
    `recordsDone` of `recordsTotal` (the model's) records were read and stored, each of which counts half; null otherwise.
    `errorMessage`: why there is no change."""

    uuid: Uuid
    workspace_uuid: Uuid
    segment_uuid: Uuid
    slug: str
    total_records_count: int
    updated_records_count: int
    removed_records_count: int
    added_records_count: int
    unchanged_records_count: int
    status: ChangeStatus
    error_message: str | None
    records_done: int | None = None
    records_total: int | None = None
    created_at: Timestamp


class ChangeReply(Wire):
    """One change."""

    change: Change


class ChangesReply(Wire):
    """Changes, newest first."""

    changes: list[Change]


class CreateChange(Wire):
    """Which segment to compare."""

    segment_uuid: Uuid = Field(description="The segment.")


class ListChanges(Wire):
    """Which changes to list."""

    segment_uuid: Uuid | None = Field(default=None, description="Only changes of this segment.")
    not_empty: bool | None = Field(default=None, description="true: only changes with differences; false: only those without.")
    has_records: ChangeKindGiven | None = Field(default=None, description="Only changes with records of this kind.")
    limit: Annotated[int, Field(ge=1, le=1_000)] = Field(default=100, description="How many at most, 1 to 1,000.")
    offset: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(default=0, description="How many to skip.")


class FetchChange(Wire):
    """Which records of a change to fetch."""

    uuid: Uuid = Field(description="The change.")
    kinds: Kinds = Field(description="The kinds of records, comma-separated (created means added).")
    limit: Annotated[int, Field(ge=1, le=MAXIMUM_FETCH)] = Field(default=100, description="How many to return, 1 to 10,000.")
    offset: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(default=0, description="How many to skip.")


class DownloadChange(Wire):
    """Which records of a change to download."""

    uuid: Uuid = Field(description="The change.")
    kinds: Kinds = Field(description="The kinds of records, comma-separated (created means added).")
    format: Format | None = Field(default=None, description=STREAMED)


class ChangeRecords(Wire):
    """A page of records in their current state, each with its `_kind`; removed ones have only `_id`. `count`: how many in all."""

    records: list[JsonObject]
    count: int
    columns: list[RecordColumn]


CreateReason = Literal["segmentNotFound", "changeAlreadyRunning", "segmentLinkedToWorkflow", "invalidFilter"]
GetReason = Literal["changeNotFound"]
ListReason = Literal["segmentNotFound"]
FetchReason = Literal["changeNotFound", "segmentNotFound"]
DownloadReason = Literal["changeNotFound", "segmentNotFound", "failedToDownloadRecordsFromClient"]

_CHANGE_NOT_FOUND = refusal(404, "There is no change with uuid {uuid}.")
_RECORDS_NOT_FOUND = refusal(404, "There are no records of a change with uuid {uuid}: {cause}")
_SEGMENT_NOT_FOUND = refusal(404, "There is no segment with uuid {uuid}.")

create: Operation[CreateChange, ChangeReply, CreateReason] = operations.add(
    Operation(
        "segmentation.change.create",
        "POST",
        "/segmentation/changes",
        request=CreateChange,
        response=ChangeReply,
        summary="Compare a segment with its last snapshot, and take a new one; a large one in the background.",
        permission="segmentation:write",
        evaluates=True,
        refusals={
            "segmentNotFound": _SEGMENT_NOT_FOUND,
            "changeAlreadyRunning": refusal(409, "Segment {uuid} is being compared right now: wait for that change."),
            "segmentLinkedToWorkflow": refusal(
                409, "Segment {uuid} is compared whenever its records are written, for a play that runs on its changes: list them instead."
            ),
            "invalidFilter": refusal(400, "The filter of the segment no longer fits its model: {cause}"),
        },
        until=Until("segmentation.change.get", key="change.uuid", field="change.status", final=_FINAL),
        cli=Cli(
            examples=(
                "cargo-ai segmentation change create --segment-uuid UUID",
                "cargo-ai segmentation change create --segment-uuid UUID --wait-until-finished",
            )
        ),
    )
)

get: Operation[ByUuid, ChangeReply, GetReason] = operations.add(
    Operation(
        "segmentation.change.get",
        "GET",
        "/segmentation/changes/{uuid}",
        request=ByUuid,
        response=ChangeReply,
        summary="Show a change of a segment: its status, and the numbers of records added, updated, removed and unchanged.",
        permission="segmentation:read",
        refusals={"changeNotFound": _CHANGE_NOT_FOUND},
        waits=Waits(key="change.uuid", field="change.status", final=_FINAL),
        cli=Cli(examples=("cargo-ai segmentation change get UUID",)),
    )
)

list_: Operation[ListChanges, ChangesReply, ListReason] = operations.add(
    Operation(
        "segmentation.change.list",
        "GET",
        "/segmentation/changes/list",
        request=ListChanges,
        response=ChangesReply,
        summary="List the changes of segments, newest first.",
        permission="segmentation:read",
        refusals={"segmentNotFound": _SEGMENT_NOT_FOUND},
        cli=Cli(examples=("cargo-ai segmentation change list --segment-uuid UUID",)),
    )
)

fetch: Operation[FetchChange, ChangeRecords, FetchReason] = operations.add(
    Operation(
        "segmentation.change.fetch",
        "POST",
        "/segmentation/changes/{uuid}/fetch",
        request=FetchChange,
        response=ChangeRecords,
        summary="List the records of a change, page by page.",
        permission="segmentation:read",
        refusals={"changeNotFound": _RECORDS_NOT_FOUND, "segmentNotFound": _SEGMENT_NOT_FOUND},
        reads=True,
        cli=Cli(csv=frozenset({"kinds"}), examples=("cargo-ai segmentation change fetch --uuid UUID --kinds added,updated --limit 50",)),
    )
)

download: Operation[DownloadChange, DownloadReply, DownloadReason] = operations.add(
    Operation(
        "segmentation.change.download",
        "POST",
        "/segmentation/changes/{uuid}/download",
        request=DownloadChange,
        response=DownloadReply,
        summary="Download the records of a change.",
        permission="segmentation:read",
        refusals={
            "changeNotFound": _RECORDS_NOT_FOUND,
            "segmentNotFound": _SEGMENT_NOT_FOUND,
            "failedToDownloadRecordsFromClient": refusal(502, "The records could not be read: {cause}"),
        },
        reads=True,
        output="download",
        cli=Cli(
            csv=frozenset({"kinds"}),
            send={"format": "json"},
            url_when=("--format",),
            examples=("cargo-ai segmentation change download --uuid UUID --kinds added",),
        ),
    )
)
