"""Batch data: the records that a batch runs on, given as records, a file, a segment, a filter, ids or earlier runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from cargo_ai.contract.orchestration.fields import (
    ChangeKind,
    RecordStatus,
    RunStatusWanted,
    Word,
)
from cargo_ai.contract.orchestration.runs.execution import ExecutionsFilter
from cargo_ai.contract.orchestration.runs.run import MAXIMUM_UUIDS
from cargo_ai.kernel.wire import JsonObject, Timestamp, Uuid, Wire


class SegmentData(Wire):
    """All records of a segment; of a play, of its own where none is named."""

    kind: Literal["segment"]
    segment_uuid: Uuid | None = None


def _rename_created(kinds: Any) -> Any:
    return ["added" if kind == "created" else kind for kind in cast("list[Any]", kinds)] if isinstance(kinds, list) else kinds


class ChangeData(Wire):
    """The records of a segment change."""

    kind: Literal["change"]
    change_uuid: Uuid
    change_kinds: Annotated[list[ChangeKind], BeforeValidator(_rename_created)] = Field(
        default_factory=lambda: ["added", "updated"], validation_alias=AliasChoices("changeKinds", "kinds")
    )


class FileData(Wire):
    """The rows of an uploaded file. `mappings`: column header by input field."""

    kind: Literal["file"]
    s3_filename: Annotated[str, Field(min_length=1, max_length=500)] = Field(alias="s3Filename")
    mappings: dict[str, str] | None = None


class FilterData(Wire):
    """The records of a model that match a filter; of a play, of its own model where none is named."""

    kind: Literal["filter"]
    model_uuid: Uuid | None = None
    filter: JsonObject | None = None
    sort: list[JsonObject] | None = None
    limit: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None


class RunsOfBatch(Wire):
    """Runs to rerun, selected by the runs (`kind` runs) or by their records (`kind` records)."""

    kind: Literal["runs", "records"]
    release_uuid: Uuid | None = None
    batch_uuid: Uuid | None = None
    parent_batch_uuid: Uuid | None = None
    parent_run_uuid: Uuid | None = None
    parent_node_uuid: Uuid | None = None
    is_group_parent: bool | None = None
    executions_filter: ExecutionsFilter | None = None
    created_after: Timestamp | None = None
    created_before: Timestamp | None = None
    uuids: Annotated[list[Uuid], Field(max_length=MAXIMUM_UUIDS)] | None = None
    record_id: Word | None = None
    record_title: Word | None = None
    record_title_or_id: Word | None = None
    ids: Annotated[list[Word], Field(max_length=MAXIMUM_UUIDS)] | None = None
    title: Word | None = None
    title_or_id: Word | None = None
    statuses: list[RunStatusWanted | RecordStatus] | None = None


class RunsReset(Wire):
    """The node from which the runs are rerun. `from` node: by `nodeUuid`, or by slug (`nodePath`), such as `group.node` inside a group.

    `repeatUnknown`: also repeat nodes that failed with reason `outcomeUnknown`, which may take effect a second time; else such runs are
    skipped.
    """

    from_: Literal["lastNode", "firstNode", "nextNode", "node"] = Field(alias="from")
    node_uuid: Uuid | None = None
    node_path: Annotated[Word, Field(min_length=1)] | None = None
    repeat_unknown: bool = False

    @model_validator(mode="after")
    def _named(self) -> RunsReset:
        if (self.from_ == "node") != bool(self.node_uuid or self.node_path):
            raise ValueError("nodeUuid (or nodePath) says at which node to begin: give it with from node, and only then")
        return self


class RunsData(Wire):
    """Runs to rerun."""

    kind: Literal["runs"]
    filter: RunsOfBatch
    reset: RunsReset


class RecordIdsData(Wire):
    """Records of a model by id."""

    kind: Literal["recordIds"]
    model_uuid: Uuid | None = None
    ids: Annotated[list[Word], Field(max_length=100_000)] = Field(validation_alias=AliasChoices("ids", "recordIds"))


class RecordsData(Wire):
    """Inline records."""

    kind: Literal["records"]
    records: list[dict[str, Any]]


class ScheduleData(Wire):
    """The changes that a play enrols on its schedule."""

    kind: Literal["schedule"]
    model_uuid: Uuid
    segment_uuid: Uuid
    change_kinds: list[ChangeKind]
    skip: bool | None = None


class FormData(Wire):
    """Submissions of a public form."""

    kind: Literal["form"]
    records: list[dict[str, Any]]
    parent_batch_uuid: Uuid | None = None
    parent_run_uuid: Uuid | None = None
    parent_node_uuid: Uuid | None = None


class OtherData(Wire):
    """Kinds that only the server creates: watched records of a play, items of a group. Lists filter by them; requests cannot use them."""

    kind: Literal["watchedRecords", "group"]


BatchInput = Annotated[
    SegmentData | ChangeData | FileData | FilterData | RunsData | RecordIdsData | RecordsData | ScheduleData | FormData | OtherData,
    Field(discriminator="kind"),
]
