"""Explanations: why a run or record waits, failed or never began, and the command to run next."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import RunStatus
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Timestamp, Uuid, Wire

ExplanationReason = Literal[
    "succeeded",
    "succeededInSpite",
    "stoppedByFilter",
    "nodeFailed",
    "childFailed",
    "runFailed",
    "cancelled",
    "skipped",
    "waitingForTurn",
    "waitingForConcurrencyLimit",
    "waitingForWorker",
    "noWorker",
    "running",
    "cancelling",
    "waitingForTime",
    "waitingForChildren",
    "waitingForReview",
    "waitingToRetry",
    "waitingForRateLimit",
    "waitingForService",
    "noRecord",
    "otherModel",
    "runsOnDemand",
    "nothingDeployed",
    "playDisabled",
    "notInSegment",
    "batchWaiting",
    "notChanged",
    "ownChange",
    "neverScheduled",
]


class Explanation(Wire):
    """Why something is as it is: a `reason` for programs, a `sentence` for people, and `fix`, the command to run next, where one helps.

    `nodeSlug`: where the run is, or ended. `since`: from when on it is so. `dueAt`: when it goes on by itself. `status` is null for a
    record that never entered. `causeRunUuid`: the run below that failed. `batchFix`: the command that does all failed runs of its batch
    again, each from the node at which it failed.
    """

    reason: ExplanationReason
    sentence: str
    status: RunStatus | None = None
    run_uuid: Uuid | None = None
    workflow_uuid: Uuid | None = None
    record_id: str | None = None
    node_slug: str | None = None
    error_message: str | None = None
    since: Timestamp | None = None
    due_at: Timestamp | None = None
    cause_run_uuid: Uuid | None = None
    fix: str | None = None
    batch_fix: str | None = None


class ExplanationReply(Wire):
    """One explanation."""

    explanation: Explanation


class ExplainRecord(Wire):
    """Which record of which model, in which workflow."""

    workflow_uuid: Uuid = Field(description="The workflow.")
    id: str = Field(min_length=1, max_length=2_000, description="The record's id.")
    model_uuid: Uuid | None = Field(default=None, description="The record's model; the play's own one by default.")


RunReason = Literal["runNotFound"]
RecordReason = Literal["workflowNotFound", "modelNotFound"]

explain_run: Operation[ByUuid, ExplanationReply, RunReason] = operations.add(
    Operation(
        "orchestration.run.explain",
        "GET",
        "/orchestration/runs/{uuid}/explanation",
        request=ByUuid,
        response=ExplanationReply,
        summary="Say why a run is where it is, and what to do next.",
        permission="orchestration:workflow:read",
        refusals={"runNotFound": refusal(404, "There is no run with uuid {uuid}.")},
        cli=Cli(examples=("cargo-ai orchestration run explain UUID",)),
    )
)

explain_record: Operation[ExplainRecord, ExplanationReply, RecordReason] = operations.add(
    Operation(
        "orchestration.record.explain",
        "POST",
        "/orchestration/records/explain",
        request=ExplainRecord,
        response=ExplanationReply,
        summary="Say why a record has or has not gone through a workflow, and what to do next.",
        permission="orchestration:workflow:read",
        refusals={
            "workflowNotFound": refusal(404, "There is no workflow with uuid {uuid}."),
            "modelNotFound": refusal(404, "There is no model with uuid {uuid}."),
        },
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration record explain --model-uuid UUID --id acme.com --workflow-uuid UUID",)),
    )
)
