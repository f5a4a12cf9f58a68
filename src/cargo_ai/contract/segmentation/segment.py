"""Segments: records of a model that a filter describes, saved or ad hoc."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import STREAMED, DownloadReply, Format
from cargo_ai.contract.segmentation.filter import FILTER, SORT, Filter, Sort
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

MAXIMUM_FETCH = 10_000
Name = Annotated[str, Field(min_length=1, max_length=200)]
Cap = Annotated[int, Field(ge=1, le=100_000_000)]
Slugs = Annotated[list[str], Field(max_length=1_000)]
ColumnType = Literal["string", "number", "object", "array", "date", "boolean", "vector", "any"]


class Segment(Wire):
    """A saved segment. `recordsCount` is current; `isRecordsCountExact` false, in lists and where it was saved: there are more.
    `lastChange`: the counts of the newest comparison."""

    uuid: Uuid
    workspace_uuid: Uuid
    user_uuid: Uuid
    model_uuid: Uuid
    slug: str
    name: str
    filter: JsonObject
    sort: list[JsonObject] | None
    limit: int | None
    records_count: int
    is_records_count_exact: bool = True
    from_play: bool
    tracking_column_slugs: list[str] | None
    column_slugs: list[str] | None
    synced_at: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None
    last_change: JsonObject | None


class SegmentReply(Wire):
    """One segment."""

    segment: Segment


class SegmentsReply(Wire):
    """Segments, newest first."""

    segments: list[Segment]


class RecordColumn(Wire):
    """A column of the records that follow."""

    slug: str
    type: ColumnType
    label: str
    model_uuid: Uuid


class RecordsReply(Wire):
    """A page of records, how many there are in all, and their columns. `isCountExact` false: there are more than `count`."""

    records: list[JsonObject]
    count: int
    is_count_exact: bool = True
    columns: list[RecordColumn]
    is_refreshing: bool


class CreateSegment(Wire):
    """A new segment."""

    name: Name = Field(description="The name, 1 to 200 characters.")
    model_uuid: Uuid = Field(description="The model.")
    filter: Filter = Field(description=FILTER)
    sort: Sort | None = Field(default=None, description=SORT)
    limit: Cap | None = Field(default=None, description="At most this many members, the first in the sort order; no limit by default.")
    tracking_column_slugs: Slugs | None = Field(
        default=None, description="The columns whose changes count, comma-separated; all by default."
    )
    column_slugs: Slugs | None = Field(default=None, description="The columns to show, comma-separated; all by default.")


class UpdateSegment(Wire):
    """Changes to a segment; absent fields stay as they are."""

    uuid: Uuid = Field(description="The segment.")
    name: Name | None = Field(default=None, description="The new name.")
    filter: Filter | None = Field(default=None, description=FILTER)
    sort: Sort | None = Field(default=None, description=f"{SORT} null: no order.")
    limit: Cap | None = Field(default=None, description="At most this many members; null: no limit.")
    tracking_column_slugs: Slugs | None = Field(default=None, description="The columns whose changes count, comma-separated; null: all.")
    column_slugs: Slugs | None = Field(default=None, description="The columns to show, comma-separated; null: all.")


class FetchSegment(Wire):
    """Which records to fetch, and which page of them."""

    model_uuid: Uuid = Field(description="The model.")
    filter: Filter = Field(description=FILTER)
    sort: Sort | None = Field(default=None, description=SORT)
    limit: Cap | None = Field(default=None, description="At most this many records, the first in the sort order; no limit by default.")
    fetching_limit: Annotated[int, Field(ge=1, le=MAXIMUM_FETCH)] = Field(default=100, description="How many to return, 1 to 10,000.")
    fetching_offset: Annotated[int, Field(ge=0, le=2_147_483_647)] = Field(default=0, description="How many to skip.")
    enrich: bool = Field(default=False, description="Recompute computed columns first.")
    sync: bool = Field(default=False, description="Refresh the model from its source first.")
    count_up_to: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = Field(
        default=None, description="Stop counting at this number, which is faster on large models; exact by default."
    )


class DownloadSegment(Wire):
    """Which records to download."""

    model_uuid: Uuid = Field(description="The model.")
    filter: Filter = Field(description=FILTER)
    sort: Sort | None = Field(default=None, description=SORT)
    limit: Cap | None = Field(default=None, description="At most this many records, the first in the sort order; no limit by default.")
    format: Format | None = Field(default=None, description=STREAMED)


class GetSegment(ByUuid):
    """Which segment to show, and how far its records are counted."""

    count_up_to: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = Field(
        default=None, description="Stop counting at this number, which is faster on large models; exact by default."
    )


class ListSegments(Wire):
    """Which segments to list."""

    model_uuid: Uuid | None = Field(default=None, description="Only segments of this model.")
    from_play: bool | None = Field(default=None, description="true: only segments owned by plays; false: only others.")
    count_up_to: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = Field(
        default=None, description="Stop counting the records of each segment at this number; 0 does not look at them at all."
    )


class FetchRecords(Wire):
    """Records by id."""

    model_uuid: Uuid = Field(description="The model.")
    ids: Annotated[list[str], Field(max_length=MAXIMUM_FETCH)] = Field(
        validation_alias=AliasChoices("ids", "recordIds"), description="The ids, comma-separated."
    )
    reset_cache: bool = Field(default=False, description="Accepted for compatibility; records are never cached.")


class FoundRecords(Wire):
    """Records in the order of the ids that were asked for."""

    records: list[JsonObject]


FilterReason = Literal["invalidFilter", "modelNotFound"]
GetReason = Literal["segmentNotFound"]
ListReason = Literal["modelNotFound"]
RemoveReason = Literal["segmentNotFound", "segmentLinkedToWorkflow", "segmentAlreadyRemoved"]
UpdateReason = Literal["segmentNotFound", "segmentLinkedToWorkflow", "invalidFilter"]
DownloadReason = Literal["invalidFilter", "failedToDownloadRecordsFromClient", "modelNotFound"]

INVALID_FILTER = refusal(400, "The {part} cannot be used: {cause}")
MODEL_NOT_FOUND = refusal(404, "There is no model with uuid {uuid}.")
SEGMENT_NOT_FOUND = refusal(404, "There is no segment with uuid {uuid}.")
LINKED = refusal(409, "Segment {uuid} is used by {users}: change that first.")
EVERYTHING = """'{"conjonction":"and","groups":[]}'"""

create: Operation[CreateSegment, SegmentReply, FilterReason] = operations.add(
    Operation(
        "segmentation.segment.create",
        "POST",
        "/segmentation/segments",
        request=CreateSegment,
        response=SegmentReply,
        summary="Create a segment of a model.",
        permission="segmentation:write",
        evaluates=True,
        refusals={"invalidFilter": INVALID_FILTER, "modelNotFound": MODEL_NOT_FOUND},
        cli=Cli(
            csv=frozenset({"trackingColumnSlugs", "columnSlugs"}),
            examples=(f"cargo-ai segmentation segment create --name All --model-uuid UUID --filter {EVERYTHING}",),
        ),
    )
)

get: Operation[GetSegment, SegmentReply, GetReason] = operations.add(
    Operation(
        "segmentation.segment.get",
        "GET",
        "/segmentation/segments/{uuid}",
        request=GetSegment,
        response=SegmentReply,
        summary="Show a segment and the number of its records.",
        permission="segmentation:read",
        evaluates=True,
        refusals={"segmentNotFound": SEGMENT_NOT_FOUND},
        cli=Cli(examples=("cargo-ai segmentation segment get UUID",)),
    )
)

all_: Operation[ListSegments, SegmentsReply, ListReason] = operations.add(
    Operation(
        "segmentation.segment.all",
        "GET",
        "/segmentation/segments/list",
        request=ListSegments,
        response=SegmentsReply,
        summary="List the segments, newest first.",
        permission="segmentation:read",
        evaluates=True,
        refusals={"modelNotFound": MODEL_NOT_FOUND},
        cli=Cli(examples=("cargo-ai segmentation segment list",)),
    )
)

update: Operation[UpdateSegment, SegmentReply, UpdateReason] = operations.add(
    Operation(
        "segmentation.segment.update",
        "PUT",
        "/segmentation/segments/{uuid}",
        request=UpdateSegment,
        response=SegmentReply,
        summary="Change a segment's name, filter, order, limit or columns.",
        permission="segmentation:write",
        evaluates=True,
        refusals={"segmentNotFound": SEGMENT_NOT_FOUND, "segmentLinkedToWorkflow": LINKED, "invalidFilter": INVALID_FILTER},
        cli=Cli(
            csv=frozenset({"trackingColumnSlugs", "columnSlugs"}),
            examples=("cargo-ai segmentation segment update --uuid UUID --name Hot",),
        ),
    )
)

remove: Operation[ByUuid, RemovedToBin, RemoveReason] = operations.add(
    Operation(
        "segmentation.segment.remove",
        "DELETE",
        "/segmentation/segments/{uuid}",
        request=ByUuid,
        response=RemovedToBin,
        summary="Remove a segment that nothing uses: it goes to the bin.",
        permission="segmentation:write",
        refusals={
            "segmentNotFound": SEGMENT_NOT_FOUND,
            "segmentLinkedToWorkflow": LINKED,
            "segmentAlreadyRemoved": refusal(409, "Segment {uuid} has been removed already."),
        },
        cli=Cli(bin_kind="segment", examples=("cargo-ai segmentation segment remove UUID",)),
    )
)

fetch: Operation[FetchSegment, RecordsReply, FilterReason] = operations.add(
    Operation(
        "segmentation.segment.fetch",
        "POST",
        "/segmentation/segments/fetch",
        request=FetchSegment,
        response=RecordsReply,
        summary="List records of a model that match a filter, page by page.",
        permission="segmentation:read",
        evaluates=True,
        refusals={"invalidFilter": INVALID_FILTER, "modelNotFound": MODEL_NOT_FOUND},
        reads=True,
        cli=Cli(examples=(f"cargo-ai segmentation segment fetch --model-uuid UUID --filter {EVERYTHING} --fetching-limit 50",)),
    )
)

download: Operation[DownloadSegment, DownloadReply, DownloadReason] = operations.add(
    Operation(
        "segmentation.segment.download",
        "POST",
        "/segmentation/segments/download",
        request=DownloadSegment,
        response=DownloadReply,
        summary="Download all records of a model that match a filter.",
        permission="segmentation:read",
        evaluates=True,
        refusals={
            "invalidFilter": INVALID_FILTER,
            "failedToDownloadRecordsFromClient": refusal(502, "The records could not be read: {cause}"),
            "modelNotFound": MODEL_NOT_FOUND,
        },
        reads=True,
        output="download",
        cli=Cli(
            send={"format": "json"},
            url_when=("--format",),
            aliases=(("analytics", "segment", "download"),),
            examples=(f"cargo-ai segmentation segment download --model-uuid UUID --filter {EVERYTHING}",),
        ),
    )
)

fetch_records: Operation[FetchRecords, FoundRecords, FilterReason] = operations.add(
    Operation(
        "segmentation.record.fetch",
        "POST",
        "/segmentation/records/fetch",
        request=FetchRecords,
        response=FoundRecords,
        summary="List records of a model by id.",
        permission="segmentation:read",
        refusals={"invalidFilter": INVALID_FILTER, "modelNotFound": MODEL_NOT_FOUND},
        reads=True,
        cli=Cli(csv=frozenset({"ids"}), examples=("cargo-ai segmentation record fetch --model-uuid UUID --ids a,b",)),
    )
)
