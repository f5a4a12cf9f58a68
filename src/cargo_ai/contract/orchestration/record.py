"""Records of a workflow: the latest run of each record."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import LINKED, DownloadReply, Format
from cargo_ai.contract.orchestration.fields import Limit, Listed, Number, Offset, RecordStatus, RunStatusWanted, Word
from cargo_ai.contract.orchestration.runs.execution import Execution
from cargo_ai.contract.orchestration.runs.run import WORKFLOW_NOT_FOUND, CountReply, WorkflowReason
from cargo_ai.contract.orchestration.runs.run_filter import CountUpTo, RunFilter, RunOrigin, RunUpdated
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Counted, JsonObject, Timestamp, Uuid, Wire

MAXIMUM_IDS = 10_000
RecordStatusWanted = Literal["pending", "running", "success", "error", "cancelled", "cancelling", "finished"]
Ids = Annotated[list[Word], Listed, Field(max_length=MAXIMUM_IDS)]


class Record(Wire):
    """A record with the state of its latest run of the workflow. Items of groups are records too; they have a `parentRunUuid`."""

    workspace_uuid: Uuid
    workflow_uuid: Uuid
    user_uuid: Uuid | None
    id: str
    title: str
    run_uuid: Uuid
    trace_uuid: Uuid
    release_uuid: Uuid | None
    nodes: list[JsonObject] | None
    batch_uuid: Uuid | None
    temporal_workflow_id: str
    context_s3_filename: str = Field(alias="contextS3Filename")
    computed_configs_s3_filename: str = Field(alias="computedConfigsS3Filename")
    parent_run_uuid: Uuid | None
    parent_node_uuid: Uuid | None
    parent_batch_uuid: Uuid | None
    parent_agent_uuid: Uuid | None
    parent_chat_uuid: Uuid | None
    parent_message_uuid: Uuid | None
    is_group_parent: bool | None
    status: RecordStatus
    error_message: str | None
    executions: list[Execution]
    created_at: Timestamp
    updated_at: Timestamp
    finished_at: Timestamp | None


class RecordsReply(Wire):
    """Records, the one that ran last first, and how many match. `isCountExact` false: there may be more than `count`."""

    records: list[Record]
    count: int
    is_count_exact: bool = True


class RecordMetric(Wire):
    """How often the latest runs executed a node, by status. `nodeSlug`: null for a node that the graph no longer has."""

    node_uuid: Uuid
    node_slug: str | None = None
    total_executions_count: int
    pending_executions_count: int
    running_executions_count: int
    success_executions_count: int
    error_executions_count: int
    cancelling_executions_count: int
    cancelled_executions_count: int
    credits_used_count: Number


class RecordMetricsReply(Wire):
    """One row per node."""

    record_metrics: list[RecordMetric]


class _RecordFilter(RunFilter):
    """Filters of records besides workflow and status."""

    title: Word | None = Field(default=None, description="Only records whose title contains this text.")
    title_or_id: Word | None = Field(default=None, description="Only records whose title or id contains this text.")
    parent_run_uuid: Uuid | None = Field(default=None, description="Only records whose latest run is a child of this run.")


class CountRecords(_RecordFilter, RunUpdated, CountUpTo):
    """Which records to count."""

    workflow_uuid: Uuid | None = Field(default=None, description="Only records of this workflow.")
    user_uuid: Uuid | None = Field(default=None, description="Only records whose latest run was started by this user.")
    ids: Ids | None = Field(default=None, description="Only the records with these ids, at most 10,000, comma-separated.")
    statuses: Annotated[list[RecordStatusWanted], Listed] | None = Field(
        default=None, description="Only records with one of these statuses; finished: ended with any outcome."
    )


class ListRecords(CountRecords):
    """Which records to list."""

    limit: Limit = 100
    offset: Offset = 0


class _RecordFile(_RecordFilter):
    workflow_uuid: Uuid = Field(description="The workflow.")
    ids: Ids | None = Field(default=None, description="Only the records with these ids, at most 10,000, comma-separated.")
    run_uuids: Annotated[list[Uuid], Listed, Field(max_length=MAXIMUM_IDS)] | None = Field(
        default=None, description="Only records whose latest run is one of these, comma-separated."
    )
    statuses: Annotated[list[RunStatusWanted], Listed] | None = Field(
        default=None, description="Only records with one of these statuses; finished: ended with any outcome."
    )


class DownloadRecords(_RecordFile, RunUpdated):
    """Which records to download."""

    format: Format | None = Field(default=None, description=LINKED)


class DownloadRecordOutputs(_RecordFile):
    """Which records' outputs to download."""

    output_node_slug: Word | None = Field(default=None, description="The node whose output is exported; the last one executed by default.")
    format: Format | None = Field(default=None, description="The file format; CSV by default.")
    limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(default=None, description="How many records at most.")
    offset: Offset = 0


class GetRecordMetrics(RunOrigin):
    """Which records to measure."""

    workflow_uuid: Uuid = Field(description="The workflow.")


class CancelRecords(_RecordFilter):
    """Which records to cancel: those named by `ids`, or those that the rest describes."""

    workflow_uuid: Uuid = Field(description="The workflow.")
    ids: Ids | None = Field(default=None, description="The ids of the records, comma-separated.")


OutputsReason = Literal["noRecordsFound", "tooManyRecords", "workflowNotFound"]
CancelReason = Literal["failedToStart", "tooManyRecordsSelected", "workflowNotFound"]

list_: Operation[ListRecords, RecordsReply, Never] = operations.add(
    Operation(
        "orchestration.record.list",
        "POST",
        "/orchestration/records/list",
        request=ListRecords,
        response=RecordsReply,
        summary="List the records of a workflow, each with its latest run.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(
            required=frozenset({"workflowUuid"}),
            examples=("cargo-ai orchestration record list --workflow-uuid UUID --statuses error --limit 50",),
        ),
    )
)

count: Operation[CountRecords, CountReply, Never] = operations.add(
    Operation(
        "orchestration.record.count",
        "POST",
        "/orchestration/records/count",
        request=CountRecords,
        response=CountReply,
        summary="Count the records of a workflow.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(
            required=frozenset({"workflowUuid"}),
            examples=("cargo-ai orchestration record count --workflow-uuid UUID --statuses error",),
        ),
    )
)

download: Operation[DownloadRecords, DownloadReply, WorkflowReason] = operations.add(
    Operation(
        "orchestration.record.download",
        "POST",
        "/orchestration/records/download",
        request=DownloadRecords,
        response=DownloadReply,
        summary="Export the records of a workflow to a file, one row each, and show its URL.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": WORKFLOW_NOT_FOUND},
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration record download --workflow-uuid UUID --statuses error",)),
    )
)

download_outputs: Operation[DownloadRecordOutputs, DownloadReply, OutputsReason] = operations.add(
    Operation(
        "orchestration.record.downloadOutputs",
        "POST",
        "/orchestration/records/download-outputs",
        request=DownloadRecordOutputs,
        response=DownloadReply,
        summary="Export one node's output per record to a file, and show its URL.",
        permission="orchestration:workflow:read",
        refusals={
            "noRecordsFound": refusal(400, "No record matches, so there is nothing to download."),
            "tooManyRecords": refusal(
                400, "More than {limit} records match, the most that go into one file: narrow the filter or page with limit and offset."
            ),
            "workflowNotFound": WORKFLOW_NOT_FOUND,
        },
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration record download-outputs --workflow-uuid UUID --output-node-slug end",)),
    )
)

get_metrics: Operation[GetRecordMetrics, RecordMetricsReply, WorkflowReason] = operations.add(
    Operation(
        "orchestration.record.getMetrics",
        "POST",
        "/orchestration/records/metrics",
        request=GetRecordMetrics,
        response=RecordMetricsReply,
        summary="Count executions per node and status, over the latest run of each record.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": WORKFLOW_NOT_FOUND},
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration record get-metrics --workflow-uuid UUID",)),
    )
)

cancel: Operation[CancelRecords, Counted, CancelReason] = operations.add(
    Operation(
        "orchestration.record.cancel",
        "POST",
        "/orchestration/records/cancel",
        request=CancelRecords,
        response=Counted,
        summary="Cancel the latest runs of records: each stops before its next node.",
        refuses_unknown=True,
        permission="orchestration:workflow:write",
        refusals={
            "failedToStart": refusal(502, "The records could not be cancelled: {cause}"),
            "tooManyRecordsSelected": refusal(
                400, "{count} records are selected; at most {limit} can be cancelled at once: narrow the filter, or cancel their batch."
            ),
            "workflowNotFound": WORKFLOW_NOT_FOUND,
        },
        cli=Cli(
            required=frozenset({"ids"}),
            examples=("cargo-ai orchestration record cancel --workflow-uuid UUID --ids acme.com,globex.com",),
        ),
    )
)
