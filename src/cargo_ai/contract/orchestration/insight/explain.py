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
    "outcomeUnknown",
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
    "waitingForConnector",
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
    """Why a run or record is in its state: a `reason` for programs, a `sentence` for people, and in `fix` the command to run next, if any.

    `nodeSlug`: the node at which the run is or ended. `since`: the start of the state. `dueAt`: when the run continues by itself. `status`
    is null for a record that was never enrolled. `causeRunUuid`: the child run that failed. `batchFix`: the command that reruns all failed
    runs of the batch, each from the node at which it failed. With `outcomeUnknown`, look at the service before you run `fix`.
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
    """Which record to explain, in which workflow."""

    workflow_uuid: Uuid = Field(description="The workflow.")
    id: str = Field(min_length=1, max_length=2_000, description="The record's id.")
    model_uuid: Uuid | None = Field(default=None, description="The record's model; the model of the play by default.")


RunReason = Literal["runNotFound"]
RecordReason = Literal["workflowNotFound", "modelNotFound"]

explain_run: Operation[ByUuid, ExplanationReply, RunReason] = operations.add(
    Operation(
        "orchestration.run.explain",
        "GET",
        "/orchestration/runs/{uuid}/explanation",
        request=ByUuid,
        response=ExplanationReply,
        summary="Explain why a run waits, failed or ended, and what to do next.",
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
        summary="Explain why a record was or was not run through a workflow, and what to do next.",
        permission="orchestration:workflow:read",
        refusals={
            "workflowNotFound": refusal(404, "There is no workflow with uuid {uuid}."),
            "modelNotFound": refusal(404, "There is no model with uuid {uuid}."),
        },
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration record explain --model-uuid UUID --id acme.com --workflow-uuid UUID",)),
    )
)
