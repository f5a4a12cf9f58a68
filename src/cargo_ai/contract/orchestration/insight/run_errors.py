"""Run errors grouped by node and message, and a live tail of runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.orchestration.runs.run import WORKFLOW_NOT_FOUND, WorkflowReason
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire


class RunError(Wire):
    """Failures of one node whose messages are equal apart from numbers, ids, hosts and e-mail addresses.

    `errorMessage` and `runUuid`: those of the latest failure. `nodeUuid` is null where the run failed outside of any node.
    `absorbedCount`: runs that continued after the failure. `reason`: for programs; `outcomeUnknown`: it may have taken effect all the same.
    """

    node_uuid: Uuid | None
    node_slug: str | None
    error_message: str
    reason: str | None = None
    runs_count: int
    absorbed_count: int
    run_uuid: Uuid
    record_id: str
    first_at: Timestamp
    last_at: Timestamp


class RunErrorsReply(Wire):
    """Groups of errors, the most frequent first, and the number of groups."""

    run_errors: list[RunError]
    count: int


class GetRunErrors(Wire):
    """Which runs' errors to group."""

    workflow_uuid: Uuid = Field(description="The workflow.")
    batch_uuid: Uuid | None = Field(default=None, description="Only runs of this batch.")
    release_uuid: Uuid | None = Field(default=None, description="Only runs of this release.")
    created_after: Timestamp | None = Field(
        default=None, description="Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z."
    )
    created_before: Timestamp | None = Field(default=None, description="Only runs created before this time.")
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many groups of errors at most, 1 to 1,000.")] = 20


class TailRuns(Wire):
    """What to follow: a workflow, a batch or a run; of several the narrowest counts."""

    workflow_uuid: Uuid | None = Field(default=None, description="Follow the starts and ends of this workflow's runs.")
    batch_uuid: Uuid | None = Field(default=None, description="Follow a batch until it ends.")
    run_uuid: Uuid | None = Field(default=None, description="Follow a run node by node until it ends.")
    seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(default=600, description="How long to follow at most, in seconds: 1 to 86,400.")


TailReason = Literal["workflowNotFound", "batchNotFound", "runNotFound", "nothingToFollow"]

get_errors: Operation[GetRunErrors, RunErrorsReply, WorkflowReason] = operations.add(
    Operation(
        "orchestration.run.getErrors",
        "POST",
        "/orchestration/runs/errors",
        request=GetRunErrors,
        response=RunErrorsReply,
        summary="Group the errors of runs by node and message, the most frequent first.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": WORKFLOW_NOT_FOUND},
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration run get-errors --workflow-uuid UUID --batch-uuid UUID",)),
    )
)

tail: Operation[TailRuns, DownloadReply, TailReason] = operations.add(
    Operation(
        "orchestration.run.tail",
        "POST",
        "/orchestration/runs/tail",
        request=TailRuns,
        response=DownloadReply,
        summary="Follow runs live: one line of JSON per event, until the batch or run ends.",
        permission="orchestration:workflow:read",
        refusals={
            "workflowNotFound": WORKFLOW_NOT_FOUND,
            "batchNotFound": refusal(404, "There is no batch with uuid {uuid}."),
            "runNotFound": refusal(404, "There is no run with uuid {uuid}."),
            "nothingToFollow": refusal(400, "Say what to follow: `workflowUuid`, `batchUuid` or `runUuid`."),
        },
        reads=True,
        output="download",
        cli=Cli(
            examples=(
                "cargo-ai orchestration run tail --batch-uuid UUID",
                "cargo-ai orchestration run tail --workflow-uuid UUID --seconds 60",
            )
        ),
    )
)
