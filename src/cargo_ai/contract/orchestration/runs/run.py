"""Runs: executions of a graph on one record."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import STREAMED, DownloadReply, Format
from cargo_ai.contract.orchestration.fields import (
    FINAL,
    Limit,
    Listed,
    Number,
    Offset,
    RunStatus,
    RunStatusWanted,
    WaitsForReview,
    Word,
)
from cargo_ai.contract.orchestration.nodes.node import NODES, Nodes
from cargo_ai.contract.orchestration.runs.execution import Execution
from cargo_ai.contract.orchestration.runs.run_filter import CountUpTo, RunFilter, RunOrigin, RunRecord, RunUpdated
from cargo_ai.kernel.operation import Cli, Operation, Until, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, Counted, JsonObject, Timestamp, Uuid, Wire

MAXIMUM_UUIDS = 10_000


class Run(Wire):
    """One execution of a graph on one record: of a release, or of the inline `nodes` of an ad-hoc run.

    A replay (`replayOfUuid`) reuses the first `reusedExecutionsCount` executions of the run that it replays.
    """

    uuid: Uuid
    workspace_uuid: Uuid
    workflow_uuid: Uuid
    user_uuid: Uuid | None
    release_uuid: Uuid | None
    nodes: list[JsonObject] | None
    batch_uuid: Uuid | None
    trace_uuid: Uuid
    temporal_workflow_id: str
    record_id: str
    record_title: str
    context_s3_filename: str = Field(alias="contextS3Filename")
    computed_configs_s3_filename: str = Field(alias="computedConfigsS3Filename")
    parent_uuid: Uuid | None
    parent_node_uuid: Uuid | None
    parent_batch_uuid: Uuid | None
    parent_agent_uuid: Uuid | None
    parent_chat_uuid: Uuid | None
    parent_message_uuid: Uuid | None
    is_group_parent: bool | None
    replay_of_uuid: Uuid | None = None
    reused_executions_count: int = 0
    status: RunStatus
    error_message: str | None
    waits_for_review: WaitsForReview | None = None
    executions: list[Execution]
    created_at: Timestamp
    updated_at: Timestamp
    finished_at: Timestamp | None
    deleted_at: Timestamp | None


class RunReply(Wire):
    """One run."""

    run: Run


class RunDetailReply(Wire):
    """A run with the output (`runContext`) and the resolved config (`runComputedConfigs`) of each node, by slug."""

    run: Run
    run_computed_configs: JsonObject
    run_context: JsonObject


class RunsReply(Wire):
    """Runs, newest first, and how many match. `isCountExact` false: there may be more than `count`."""

    runs: list[Run]
    count: int
    is_count_exact: bool = True


class CountReply(Wire):
    """How many match. `isCountExact` false: there may be more than `count`."""

    count: int
    is_count_exact: bool = True


class RunMetric(Wire):
    """How often a node was executed, by status. `nodeSlug`: null for a node that the graph no longer has."""

    node_uuid: Uuid
    node_slug: str | None = None
    total_executions_count: int
    idle_executions_count: int
    pending_executions_count: int
    running_executions_count: int
    success_executions_count: int
    error_executions_count: int
    cancelling_executions_count: int
    cancelled_executions_count: int
    skipped_executions_count: int
    credits_used_count: Number


class RunMetricsReply(Wire):
    """One row per node."""

    run_metrics: list[RunMetric]


class CreateRun(Wire):
    """Run a tool, or inline nodes, on one record."""

    workflow_uuid: Uuid | None = Field(default=None, description="The workflow of the tool (its workflowUuid); omit it to run --nodes.")
    release_uuid: Uuid | None = Field(default=None, description="The release to run; the deployed one by default.")
    nodes: Nodes | None = Field(default=None, description=NODES)
    data: Any = Field(description='The input of the start node, a JSON object: {"domain":"acme.com"}.')


class _RunFilter(RunFilter, RunRecord):
    """Filters of runs besides workflow and status."""

    parent_uuid: Uuid | None = Field(default=None, description="Only child runs of this run.")


class _RunStatusFilter(_RunFilter):
    statuses: Annotated[list[RunStatusWanted], Listed] | None = Field(
        default=None, description="Only runs with one of these statuses; finished: ended with any outcome."
    )
    is_finished: bool | None = Field(default=None, description="true: only runs that have ended; false: only others.")


class CountRuns(_RunStatusFilter, RunUpdated, CountUpTo):
    """Which runs to count."""

    workflow_uuid: Uuid | None = Field(default=None, description="Only runs of this workflow.")
    user_uuid: Uuid | None = Field(default=None, description="Only runs started by this user.")


class ListRuns(CountRuns):
    """Which runs to list."""

    limit: Limit = 100
    offset: Offset = 0
    after: Uuid | None = Field(
        default=None, description="Only runs that come after this one in the list; `count` is then the number of runs in the reply."
    )


class DownloadRuns(_RunStatusFilter, RunUpdated):
    """Which runs to download."""

    workflow_uuid: Uuid = Field(description="The workflow.")
    uuids: Annotated[list[Uuid], Listed, Field(max_length=MAXIMUM_UUIDS)] | None = Field(
        default=None, description="Only these runs, at most 10,000, comma-separated."
    )
    format: Format | None = Field(default=None, description=STREAMED)


class DownloadRunOutputs(_RunStatusFilter):
    """Which runs' outputs to download."""

    workflow_uuid: Uuid = Field(description="The workflow.")
    output_node_slug: Word | None = Field(default=None, description="The node whose output is exported; the last one executed by default.")
    format: Format | None = Field(default=None, description="The file format; CSV by default.")
    limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="How many runs at most; one file holds at most 10,000."
    )
    offset: Offset = 0


class GetRunMetrics(RunOrigin):
    """Which runs to measure."""

    workflow_uuid: Uuid = Field(description="The workflow.")


class CancelRuns(_RunFilter):
    """Which runs to cancel: those in `uuids`, or those that match the filters."""

    workflow_uuid: Uuid = Field(description="The workflow.")
    uuids: Annotated[list[Uuid], Listed, Field(max_length=MAXIMUM_UUIDS)] | None = Field(
        default=None, description="The runs, at most 10,000, comma-separated."
    )


CreateReason = Literal[
    "workflowNotFound",
    "invalidReleaseOrCustomNodes",
    "playNotCompatible",
    "nodesNotFound",
    "invalidData",
    "rootNodeNotFound",
    "failedToStart",
    "notEnoughCredits",
    "concurrencyLimitReached",
]
GetReason = Literal["runNotFound"]
WorkflowReason = Literal["workflowNotFound"]
CancelReason = Literal["failedToStart", "workflowNotFound"]
DownloadOutputsReason = Literal["noRunsFound", "tooManyRuns", "workflowNotFound", "nodeNotFound"]

WORKFLOW_NOT_FOUND = refusal(404, "There is no workflow with uuid {uuid}.")

create: Operation[CreateRun, RunReply, CreateReason] = operations.add(
    Operation(
        "orchestration.run.create",
        "POST",
        "/orchestration/runs",
        request=CreateRun,
        response=RunReply,
        summary="Run a tool, or an inline graph, on one record.",
        permission="orchestration:workflow:write",
        refusals={
            "workflowNotFound": WORKFLOW_NOT_FOUND,
            "invalidReleaseOrCustomNodes": refusal(400, "The run cannot use this graph: {cause}"),
            "playNotCompatible": refusal(400, "Workflow {uuid} belongs to a play, which runs in batches: use orchestration batch create."),
            "nodesNotFound": refusal(400, "There is nothing to run: {cause}"),
            "invalidData": refusal(400, "data cannot be the input of a run: {cause}"),
            "rootNodeNotFound": refusal(400, "The graph has no node with slug and actionSlug start, so a run has nowhere to begin."),
            "failedToStart": refusal(502, "The run could not be started: {cause}"),
            "notEnoughCredits": refusal(402, "The workspace has too few credits left for this run: {cause}"),
            "concurrencyLimitReached": refusal(429, "The workspace already has {limit} runs in progress: try again when some have ended."),
        },
        until=Until("orchestration.run.get", key="run.uuid", field="run.status", final=FINAL),
        cli=Cli(
            examples=(
                """cargo-ai orchestration run create --workflow-uuid UUID --data '{"domain":"acme.com"}' --wait-until-finished""",
                """cargo-ai orchestration run create --nodes @nodes.json --data '{"domain":"acme.com"}' --wait-until-finished""",
            )
        ),
    )
)

get: Operation[ByUuid, RunDetailReply, GetReason] = operations.add(
    Operation(
        "orchestration.run.get",
        "GET",
        "/orchestration/runs/{uuid}",
        request=ByUuid,
        response=RunDetailReply,
        summary="Show a run with the output of each node.",
        permission="orchestration:workflow:read",
        refusals={"runNotFound": refusal(404, "There is no run with uuid {uuid}.")},
        waits=Waits(key="run.uuid", field="run.status", final=FINAL),
        cli=Cli(examples=("cargo-ai orchestration run get UUID",)),
    )
)

list_: Operation[ListRuns, RunsReply, WorkflowReason] = operations.add(
    Operation(
        "orchestration.run.list",
        "POST",
        "/orchestration/runs/list",
        request=ListRuns,
        response=RunsReply,
        summary="List the runs of a workflow.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": WORKFLOW_NOT_FOUND},
        reads=True,
        cli=Cli(
            required=frozenset({"workflowUuid"}),
            aliases=(("analytics", "run", "list"),),
            goes_on=("after", "uuid"),
            examples=(
                "cargo-ai orchestration run list --workflow-uuid UUID --statuses error --limit 10",
                "cargo-ai orchestration run list --workflow-uuid UUID --all --output jsonl --fields uuid,status",
            ),
        ),
    )
)

count: Operation[CountRuns, CountReply, WorkflowReason] = operations.add(
    Operation(
        "orchestration.run.count",
        "POST",
        "/orchestration/runs/count",
        request=CountRuns,
        response=CountReply,
        summary="Count the runs of a workflow.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": WORKFLOW_NOT_FOUND},
        reads=True,
        cli=Cli(
            required=frozenset({"workflowUuid"}),
            aliases=(("analytics", "run", "count"),),
            examples=("cargo-ai orchestration run count --workflow-uuid UUID --is-finished",),
        ),
    )
)

get_metrics: Operation[GetRunMetrics, RunMetricsReply, WorkflowReason] = operations.add(
    Operation(
        "orchestration.run.getMetrics",
        "POST",
        "/orchestration/runs/metrics",
        request=GetRunMetrics,
        response=RunMetricsReply,
        summary="Count executions per node and status.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": WORKFLOW_NOT_FOUND},
        reads=True,
        cli=Cli(
            aliases=(("analytics", "run", "get-metrics"),),
            examples=("cargo-ai orchestration run get-metrics --workflow-uuid UUID",),
        ),
    )
)

download: Operation[DownloadRuns, DownloadReply, WorkflowReason] = operations.add(
    Operation(
        "orchestration.run.download",
        "POST",
        "/orchestration/runs/download",
        request=DownloadRuns,
        response=DownloadReply,
        summary="Download the runs of a workflow, one row each.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": WORKFLOW_NOT_FOUND},
        reads=True,
        output="download",
        cli=Cli(
            send={"format": "json"},
            url_when=("--format",),
            aliases=(("analytics", "run", "download"),),
            examples=("cargo-ai orchestration run download --workflow-uuid UUID --statuses error",),
        ),
    )
)

download_outputs: Operation[DownloadRunOutputs, DownloadReply, DownloadOutputsReason] = operations.add(
    Operation(
        "orchestration.run.downloadOutputs",
        "POST",
        "/orchestration/runs/download-outputs",
        request=DownloadRunOutputs,
        response=DownloadReply,
        summary="Export one node's output per run to a file, and show its URL.",
        permission="orchestration:workflow:read",
        refusals={
            "nodeNotFound": refusal(404, "None of the runs has a node {slug}. They have: {slugs}."),
            "noRunsFound": refusal(400, "No run matches, so there is nothing to download."),
            "tooManyRuns": refusal(
                400, "More than {limit} runs match, the most that go into one file: narrow the filter or page with limit and offset."
            ),
            "workflowNotFound": WORKFLOW_NOT_FOUND,
        },
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration run download-outputs --workflow-uuid UUID --output-node-slug end --format json",)),
    )
)

cancel: Operation[CancelRuns, Counted, CancelReason] = operations.add(
    Operation(
        "orchestration.run.cancel",
        "POST",
        "/orchestration/runs/cancel",
        request=CancelRuns,
        response=Counted,
        summary="Cancel runs: each stops before its next node.",
        refuses_unknown=True,
        permission="orchestration:workflow:write",
        refusals={"failedToStart": refusal(502, "The runs could not be cancelled: {cause}"), "workflowNotFound": WORKFLOW_NOT_FOUND},
        cli=Cli(
            required=frozenset({"uuids"}),
            examples=("cargo-ai orchestration run cancel --workflow-uuid UUID --uuids UUID,UUID",),
        ),
    )
)
