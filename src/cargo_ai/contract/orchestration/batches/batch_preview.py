"""Batch previews: the records that a batch would enrol."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.batches.batch_data import (
    ChangeData,
    FilterData,
    RecordIdsData,
    RecordsData,
    RunsReset,
    ScheduleData,
    SegmentData,
)
from cargo_ai.contract.orchestration.runs.run import MAXIMUM_UUIDS
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire

MAX_RECORDS = 100


class FileToPreview(Wire):
    """The rows of an uploaded file."""

    kind: Literal["file"]
    s3_filename: Annotated[str, Field(min_length=1, max_length=500)] = Field(alias="s3Filename")
    mappings: dict[str, str] | None = None


class RunsToPreview(Wire):
    """Runs to rerun."""

    kind: Literal["runs"]
    run_uuids: Annotated[list[Uuid], Field(max_length=MAXIMUM_UUIDS)]
    reset: RunsReset


class GroupToPreview(Wire):
    """The items of a group."""

    kind: Literal["group"]
    items: list[Any]
    parent_batch_uuid: Uuid | None = None
    parent_run_uuid: Uuid
    parent_node_uuid: Uuid


DataToPreview = Annotated[
    SegmentData | ChangeData | FileToPreview | FilterData | RunsToPreview | RecordIdsData | GroupToPreview | RecordsData | ScheduleData,
    Field(discriminator="kind"),
]


class PreviewBatch(Wire):
    """Which records to preview."""

    workflow_uuid: Uuid = Field(description="The workflow that would run.")
    data: DataToPreview = Field(description='The records, as in orchestration batch create: {"kind":"segment","segmentUuid":"..."}.')


class PreviewColumn(Wire):
    """A column of the records."""

    slug: str
    type: str
    label: str


class PreviewReply(Wire):
    """The first 100 records, their columns, and how many records there are in all."""

    records: list[JsonObject]
    columns: list[PreviewColumn]
    count: int


PreviewReason = Literal[
    "workflowNotFound", "segmentNotFound", "modelLinkedToWorkflow", "noModelLinkedToWorkflow", "failedToFetchFromClient"
]

preview: Operation[PreviewBatch, PreviewReply, PreviewReason] = operations.add(
    Operation(
        "orchestration.batch.preview",
        "POST",
        "/orchestration/batches/preview",
        request=PreviewBatch,
        response=PreviewReply,
        summary="Show the records that a batch would enrol, and how many there are.",
        permission="orchestration:workflow:read",
        evaluates=True,
        refusals={
            "workflowNotFound": refusal(404, "There is no workflow with uuid {uuid}."),
            "segmentNotFound": refusal(404, "There is no segment with uuid {uuid}."),
            "modelLinkedToWorkflow": refusal(400, "The workflow runs on records of a model, so it takes no data of kind {kind}: {cause}"),
            "noModelLinkedToWorkflow": refusal(400, "The workflow runs on no model, so it takes no data of kind {kind}: {cause}"),
            "failedToFetchFromClient": refusal(502, "The records cannot be read: {cause}"),
        },
        reads=True,
        cli=Cli(
            examples=(
                """cargo-ai orchestration batch preview --workflow-uuid UUID --data '{"kind":"segment","segmentUuid":"UUID"}'""",
                """cargo-ai orchestration batch preview --workflow-uuid UUID --data '{"kind":"file","s3Filename":"NAME"}'""",
            )
        ),
    )
)
