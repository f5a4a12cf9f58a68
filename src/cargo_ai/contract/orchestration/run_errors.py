"""Run errors grouped by node and message, and a live tail of runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.run import WORKFLOW_NOT_FOUND, UrlReply, WorkflowReason
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire


class RunError(Wire):
    """Failures of one node that read the same apart from numbers, ids, hosts and e-mail addresses.

    `errorMessage` and `runUuid` are those of the latest one. `nodeUuid` is null where no node failed but the run itself. `absorbedCount`:
    runs that went on in spite of it.
    """

    node_uuid: Uuid | None
    node_slug: str | None
    error_message: str
    runs_count: int
    absorbed_count: int
    run_uuid: Uuid
    record_id: str
    first_at: Timestamp
    last_at: Timestamp


class RunErrorsReply(Wire):
    """The most frequent errors first, and how many different ones there are."""

    run_errors: list[RunError]
    count: int


class GetRunErrors(Wire):
    """Whose errors to group."""

    workflow_uuid: Uuid = Field(description="The workflow.")
    batch_uuid: Uuid | None = Field(default=None, description="Only runs of this batch.")
    release_uuid: Uuid | None = Field(default=None, description="Only runs of this release.")
    created_after: Timestamp | None = Field(default=None, description="Only runs created at or after this moment.")
    created_before: Timestamp | None = Field(default=None, description="Only runs created before this moment.")
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many different errors at most; 20 by default.")] = 20


class TailRuns(Wire):
    """What to follow: a workflow, a batch, or one run node by node. The narrowest that is given counts."""

    workflow_uuid: Uuid | None = Field(default=None, description="Follow what runs of this workflow become.")
    batch_uuid: Uuid | None = Field(default=None, description="Follow a batch until it ends.")
    run_uuid: Uuid | None = Field(default=None, description="Follow a run node by node until it ends.")
    seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(default=600, description="How long to follow at most; 600 by default.")


TailReason = Literal["workflowNotFound", "batchNotFound", "runNotFound", "nothingToFollow"]

get_errors: Operation[GetRunErrors, RunErrorsReply, WorkflowReason] = operations.add(
    Operation(
        "orchestration.run.getErrors",
        "POST",
        "/orchestration/runs/errors",
        request=GetRunErrors,
        response=RunErrorsReply,
        summary="Show what fails most, grouped by node and message.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": WORKFLOW_NOT_FOUND},
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration run get-errors --workflow-uuid UUID --batch-uuid UUID",)),
    )
)

tail: Operation[TailRuns, UrlReply, TailReason] = operations.add(
    Operation(
        "orchestration.run.tail",
        "POST",
        "/orchestration/runs/tail",
        request=TailRuns,
        response=UrlReply,
        summary="Follow runs as they happen: one line of JSON per event, until the batch or run ends.",
        permission="orchestration:workflow:read",
        refusals={
            "workflowNotFound": WORKFLOW_NOT_FOUND,
            "batchNotFound": refusal(404, "There is no batch with uuid {uuid}."),
            "runNotFound": refusal(404, "There is no run with uuid {uuid}."),
            "nothingToFollow": refusal(400, "Say what to follow: a workflow, a batch or a run."),
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
