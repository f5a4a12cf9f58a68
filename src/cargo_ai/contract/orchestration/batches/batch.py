"""Batches: runs of one graph on many records."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import AliasChoices, Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import STREAMED, DownloadReply, Format
from cargo_ai.contract.orchestration.batches.batch_data import BatchInput
from cargo_ai.contract.orchestration.batches.pacing import BatchPace, Paced
from cargo_ai.contract.orchestration.dry_run import DryRunForecast
from cargo_ai.contract.orchestration.fields import (
    FINAL,
    BatchRunsStatus,
    BatchStatus,
    Limit,
    Listed,
    Number,
    Offset,
    WaitsForReview,
    Word,
)
from cargo_ai.contract.orchestration.nodes.node import NODES, Nodes
from cargo_ai.kernel.operation import Cli, FileOf, Operation, Until, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Removed, Timestamp, Uuid, Wire

DataKind = Literal["schedule", "segment", "change", "filter", "recordIds", "watchedRecords", "records", "file", "runs", "group", "form"]
BatchStatusWanted = Literal[
    "pending", "syncing", "skipped", "querying", "running", "success", "cancelling", "error", "cancelled", "finished"
]


class Batch(Wire):
    """Runs of one graph on many records, with the progress. `data`: the source of the records; inline records are stored as a file.

    `skippedRunsCount`: records that the play's run creation rule excluded; `runsCount` includes them. `warnings`: parts of the data that
    do not exist. `waitsForReview`: its runs wait for people, and with a ramp the next stage waits for these runs.
    """

    uuid: Uuid
    workspace_uuid: Uuid
    workflow_uuid: Uuid
    user_uuid: Uuid | None
    release_uuid: Uuid | None
    nodes: list[JsonObject] | None
    temporal_workflow_id: str
    trace_uuid: Uuid | None
    data: JsonObject
    error_message: str | None
    status: BatchStatus
    runs_status: BatchRunsStatus | None
    runs_count: int
    executed_runs_count: int
    failed_runs_count: int
    skipped_runs_count: int
    credits_used_count: Number
    pace: BatchPace | None = None
    warnings: list[str] = Field(default_factory=list)
    waits_for_review: WaitsForReview | None = None
    created_at: Timestamp
    updated_at: Timestamp
    finished_at: Timestamp | None


class BatchReply(Wire):
    """One batch."""

    batch: Batch


class CreateBatchReply(Wire):
    """The new batch, or the forecast of a dry run."""

    batch: Batch | None
    dry_run: DryRunForecast | None = None


class BatchesReply(Wire):
    """Batches, newest first."""

    batches: list[Batch]


class CreateBatch(Paced):
    """Run a workflow, or inline nodes, on many records."""

    workflow_uuid: Uuid | None = Field(
        default=None, description="The workflow of the tool or play (its workflowUuid); omit it to run --nodes."
    )
    release_uuid: Uuid | None = Field(default=None, description="The release to run; the deployed one by default.")
    nodes: Nodes | None = Field(default=None, description=NODES)
    data: BatchInput = Field(
        description='The records: {"kind":"records","records":[{"domain":"acme.com"}]}, {"kind":"file","s3Filename":"..."}, '
        '{"kind":"segment","segmentUuid":"..."}, {"kind":"change","changeUuid":"..."}, {"kind":"filter","modelUuid":"...","filter":{...}}, '
        '{"kind":"recordIds","modelUuid":"...","ids":["..."]}, or {"kind":"runs",...} to rerun earlier runs. A tool takes '
        "records, file and runs; a play segment, change, filter, recordIds and runs; an inline graph all but change."
    )
    dry_run: bool = Field(default=False, description="Do not run anything; forecast the records, node executions, credits and duration.")
    sample: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="How many records a dry run simulates, spread over all of them: 1 to 10,000; 100 by default."
    )


class ListBatches(Wire):
    """Which batches to list."""

    workflow_uuids: Annotated[list[Uuid], Listed, Field(max_length=1_000)] | None = Field(
        default=None,
        validation_alias=AliasChoices("workflowUuids", "workflowUuid"),
        description="Only batches of these workflows, comma-separated.",
    )
    release_uuid: Uuid | None = Field(default=None, description="Only batches of this release.")
    parent_batch_uuid: Uuid | None = Field(default=None, description="Only batches started by this batch's runs.")
    parent_run_uuid: Uuid | None = Field(default=None, description="Only batches started by this run.")
    parent_node_uuid: Uuid | None = Field(default=None, description="Only batches started by the node with this uuid.")
    statuses: Annotated[list[BatchStatusWanted], Listed] | None = Field(
        default=None, description="Only batches with one of these statuses; finished: ended with any outcome."
    )
    has_runs: bool | None = Field(default=None, description="true: only batches with runs; false: only batches without.")
    is_skipped: bool | None = Field(default=None, description="true: only skipped batches; false: only others.")
    is_finished: bool | None = Field(default=None, description="true: only batches that have ended; false: only others.")
    included_data_kinds: Annotated[list[DataKind], Listed] | None = Field(default=None, description="Only batches on these kinds of data.")
    excluded_data_kinds: Annotated[list[DataKind], Listed] | None = Field(default=None, description="No batches on these kinds of data.")
    limit: Limit = 100
    offset: Offset = 0


class DownloadBatch(Wire):
    """Which batch to download, and which node's output."""

    uuid: Uuid = Field(description="The batch.")
    output_node_slug: Word | None = Field(
        default=None,
        description="The node whose output each row has, usually end; by default the rows have status and times, but no output.",
    )
    format: Format | None = Field(default=None, description=STREAMED)


DataErrorReason = Literal[
    "failedToGetSegment",
    "segmentLinkedToPlay",
    "noRecords",
    "failedToGetSegmentChange",
    "invalidChange",
    "invalidChangeKinds",
    "invalidData",
]
"""The refusal `dataError` carries `details={"dataError": {"reason": …}}`."""

CreateReason = Literal[
    "workflowNotFound",
    "invalidReleaseOrCustomNodes",
    "invalidDataKind",
    "nodesNotFound",
    "rootNodeNotFound",
    "dataError",
    "failedToStart",
    "notEnoughCredits",
]
GetReason = Literal["batchNotFound"]
CancelReason = Literal["batchNotFound", "batchAlreadyFinished", "failedToStart"]
DownloadReason = Literal["batchNotFound", "batchNotFinished", "batchNotSupported", "nodeNotFound"]

_BATCH_NOT_FOUND = refusal(404, "There is no batch with uuid {uuid}.")

create: Operation[CreateBatch, CreateBatchReply, CreateReason] = operations.add(
    Operation(
        "orchestration.batch.create",
        "POST",
        "/orchestration/batches",
        request=CreateBatch,
        response=CreateBatchReply,
        summary="Run a workflow, or an inline graph, on many records.",
        permission="orchestration:workflow:write",
        evaluates=True,
        refusals={
            "workflowNotFound": refusal(404, "There is no workflow with uuid {uuid}."),
            "invalidReleaseOrCustomNodes": refusal(400, "The batch cannot use this graph: {cause}"),
            "invalidDataKind": refusal(400, "Data of kind {kind} cannot go through this workflow: {cause}"),
            "nodesNotFound": refusal(400, "There is nothing to run: {cause}"),
            "rootNodeNotFound": refusal(400, "The graph has no node with slug and actionSlug start, so a run has nowhere to begin."),
            "dataError": refusal(400, "The records cannot be read: {cause}"),
            "failedToStart": refusal(502, "The batch could not be started: {cause}"),
            "notEnoughCredits": refusal(402, "The workspace has too few credits left for this batch: {cause}"),
        },
        until=Until("orchestration.batch.get", key="batch.uuid", field="batch.status", final=FINAL),
        cli=Cli(
            file_of=FileOf("workspaceManagement.file.upload", "data.s3Filename", {"data.kind": "file"}),
            examples=(
                """cargo-ai orchestration batch create --workflow-uuid UUID --data '{"kind":"records","records":[{"domain":"a.com"}]}' """
                "--wait-until-finished",
                """cargo-ai orchestration batch create --workflow-uuid UUID --data '{"kind":"file","s3Filename":"NAME"}'""",
                "cargo-ai orchestration batch create --workflow-uuid UUID --file companies.csv --wait-until-finished",
                """cargo-ai orchestration batch create --nodes @nodes.json --data '{"kind":"filter","modelUuid":"UUID","limit":100}'""",
                """cargo-ai orchestration batch create --workflow-uuid UUID --data @data.json --dry-run --sample 500""",
                """cargo-ai orchestration batch create --workflow-uuid UUID --data @data.json --ramp 1,50 --stop-on-error-rate 5%""",
                """cargo-ai orchestration batch create --data '{"kind":"runs","filter":{"kind":"runs","batchUuid":"UUID","""
                """"statuses":["error"]},"reset":{"from":"lastNode"}}'""",
            ),
        ),
    )
)

get: Operation[ByUuid, BatchReply, GetReason] = operations.add(
    Operation(
        "orchestration.batch.get",
        "GET",
        "/orchestration/batches/{uuid}",
        request=ByUuid,
        response=BatchReply,
        summary="Show a batch and its progress.",
        permission="orchestration:workflow:read",
        refusals={"batchNotFound": _BATCH_NOT_FOUND},
        waits=Waits(key="batch.uuid", field="batch.status", final=FINAL),
        cli=Cli(examples=("cargo-ai orchestration batch get UUID",)),
    )
)

list_: Operation[ListBatches, BatchesReply, Never] = operations.add(
    Operation(
        "orchestration.batch.list",
        "GET",
        "/orchestration/batches/list",
        request=ListBatches,
        response=BatchesReply,
        summary="List the batches, newest first.",
        permission="orchestration:workflow:read",
        cli=Cli(
            flags={"workflowUuids": ("--workflow-uuids", "--workflow-uuid")},
            examples=("cargo-ai orchestration batch list --workflow-uuids UUID --statuses running",),
        ),
    )
)

cancel: Operation[ByUuid, Removed, CancelReason] = operations.add(
    Operation(
        "orchestration.batch.cancel",
        "POST",
        "/orchestration/batches/{uuid}/cancel",
        request=ByUuid,
        response=Removed,
        summary="Cancel a batch: each of its runs stops before its next node.",
        permission="orchestration:workflow:write",
        refusals={
            "batchNotFound": _BATCH_NOT_FOUND,
            "batchAlreadyFinished": refusal(409, "Batch {uuid} has already ended ({status}), so there is nothing to cancel."),
            "failedToStart": refusal(502, "The batch could not be cancelled: {cause}"),
        },
        cli=Cli(examples=("cargo-ai orchestration batch cancel UUID",)),
    )
)

download: Operation[DownloadBatch, DownloadReply, DownloadReason] = operations.add(
    Operation(
        "orchestration.batch.download",
        "POST",
        "/orchestration/batches/{uuid}/download",
        request=DownloadBatch,
        response=DownloadReply,
        summary="Download the results of a batch, one row per record.",
        permission="orchestration:workflow:read",
        refusals={
            "batchNotFound": _BATCH_NOT_FOUND,
            "batchNotFinished": refusal(400, "Batch {uuid} is still running ({status}): wait until it has ended."),
            "batchNotSupported": refusal(400, "Batch {uuid} cannot be downloaded: {cause}"),
            "nodeNotFound": refusal(404, "Batch {uuid} has no node {slug}. Its graph has: {slugs}."),
        },
        reads=True,
        output="download",
        cli=Cli(
            send={"format": "json"},
            url_when=("--format",),
            aliases=(("analytics", "batch", "download"),),
            examples=("cargo-ai orchestration batch download UUID --output-node-slug end",),
        ),
    )
)
