"""Replays: runs repeated from a node, reusing the executions before it; and stopped batches that resume."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.batches.batch import BatchReply
from cargo_ai.contract.orchestration.batches.pacing import Paced
from cargo_ai.contract.orchestration.fields import FINAL, Listed, Number, RunStatusWanted, Word
from cargo_ai.contract.orchestration.nodes.node import Nodes
from cargo_ai.contract.orchestration.runs.run import RunReply
from cargo_ai.kernel.operation import Cli, Operation, Until, refusal
from cargo_ai.kernel.wire import Uuid, Wire

NodePath = Annotated[Word, Field(min_length=1)]
_PATH = "The slug of the node to replay from. Inside a group GROUP.NODE: each item of the group is replayed from there."


class ReplayRun(Wire):
    """Which run to replay, and from which node."""

    uuid: Uuid = Field(description="The run.")
    from_node: NodePath = Field(description=_PATH)
    release_uuid: Uuid | None = Field(default=None, description="Continue with this release; the run's own graph by default.")
    nodes: Nodes | None = Field(default=None, description="Continue with this graph, a list of nodes; the run's own by default.")


class ReplayBatch(Paced):
    """Which batch's runs to replay, and from which node."""

    uuid: Uuid = Field(description="The batch.")
    from_node: NodePath = Field(description=_PATH)
    statuses: Annotated[list[RunStatusWanted], Listed] | None = Field(
        default=None, description="Only runs with one of these statuses; all that have ended by default."
    )
    repeat_unknown: bool = Field(
        default=False,
        description="Also repeat nodes that failed with reason outcomeUnknown, which may take effect twice; by default they are skipped.",
    )
    release_uuid: Uuid | None = Field(default=None, description="Continue with this release; the batch's own graph by default.")
    nodes: Nodes | None = Field(default=None, description="Continue with this graph, a list of nodes; the batch's own by default.")


class ResumeBatch(Wire):
    """Which stopped batch to resume."""

    uuid: Uuid = Field(description="The batch.")
    max_credits: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="The new credit limit of the whole batch, including what it has used so far."
    )


_BAD_GRAPH = refusal(400, "This graph cannot be used: {cause}")
_NO_GRAPH = refusal(400, "There is nothing to run: {cause}")
_NO_START = refusal(400, "The graph has no node with slug and actionSlug start, so a run has nowhere to begin.")
_TOO_FEW = refusal(402, "The workspace has too few credits left: {cause}")
_NO_NODE = refusal(404, "Nothing can be replayed from {path}: {cause}")

ReplayRunReason = Literal[
    "runNotFound",
    "runNotFinished",
    "runBelowAnother",
    "nodeNotReached",
    "workflowNotFound",
    "invalidReleaseOrCustomNodes",
    "nodesNotFound",
    "rootNodeNotFound",
    "nodeNotFound",
    "notEnoughCredits",
]
ReplayBatchReason = Literal[
    "batchNotFound",
    "workflowNotFound",
    "invalidReleaseOrCustomNodes",
    "nodesNotFound",
    "rootNodeNotFound",
    "nodeNotFound",
    "notEnoughCredits",
]
ResumeReason = Literal["batchNotFound", "batchNotStopped", "maxCreditsTooLow", "notEnoughCredits"]

_WORKFLOW_NOT_FOUND = refusal(404, "The workflow {uuid} no longer exists; give nodes to run without it.")

replay_run: Operation[ReplayRun, RunReply, ReplayRunReason] = operations.add(
    Operation(
        "orchestration.run.replay",
        "POST",
        "/orchestration/runs/{uuid}/replay",
        request=ReplayRun,
        response=RunReply,
        summary="Replay a run from one of its nodes: earlier executions are reused, without calls or credits.",
        permission="orchestration:workflow:write",
        refusals={
            "runNotFound": refusal(404, "There is no run with uuid {uuid}."),
            "runNotFinished": refusal(409, "Run {uuid} has not ended ({status}): wait for it, or cancel it."),
            "runBelowAnother": refusal(400, "Run {uuid} is a child of run {parent}: replay that one instead."),
            "nodeNotReached": refusal(400, "Run {uuid} cannot be replayed from {path}: {cause}"),
            "workflowNotFound": _WORKFLOW_NOT_FOUND,
            "invalidReleaseOrCustomNodes": _BAD_GRAPH,
            "nodesNotFound": _NO_GRAPH,
            "rootNodeNotFound": _NO_START,
            "nodeNotFound": _NO_NODE,
            "notEnoughCredits": _TOO_FEW,
        },
        until=Until("orchestration.run.get", key="run.uuid", field="run.status", final=FINAL),
        cli=Cli(
            examples=(
                "cargo-ai orchestration run replay UUID --from-node enrich --wait-until-finished",
                "cargo-ai orchestration run replay UUID --from-node group.enrich --release-uuid RELEASE",
            )
        ),
    )
)

replay_batch: Operation[ReplayBatch, BatchReply, ReplayBatchReason] = operations.add(
    Operation(
        "orchestration.batch.replay",
        "POST",
        "/orchestration/batches/{uuid}/replay",
        request=ReplayBatch,
        response=BatchReply,
        summary="Replay the runs of a batch from one node; runs that never reached it are skipped.",
        permission="orchestration:workflow:write",
        refusals={
            "batchNotFound": refusal(404, "There is no batch with uuid {uuid}."),
            "workflowNotFound": _WORKFLOW_NOT_FOUND,
            "invalidReleaseOrCustomNodes": _BAD_GRAPH,
            "nodesNotFound": _NO_GRAPH,
            "rootNodeNotFound": _NO_START,
            "nodeNotFound": _NO_NODE,
            "notEnoughCredits": _TOO_FEW,
        },
        until=Until("orchestration.batch.get", key="batch.uuid", field="batch.status", final=FINAL),
        cli=Cli(
            examples=(
                "cargo-ai orchestration batch replay UUID --from-node enrich --statuses error --wait-until-finished",
                "cargo-ai orchestration batch replay UUID --from-node enrich --ramp 1,50 --stop-on-error-rate 5%",
            )
        ),
    )
)

resume_batch: Operation[ResumeBatch, BatchReply, ResumeReason] = operations.add(
    Operation(
        "orchestration.batch.resume",
        "POST",
        "/orchestration/batches/{uuid}/resume",
        request=ResumeBatch,
        response=BatchReply,
        summary="Resume a batch that a limit stopped: it enrols its next records, none twice.",
        permission="orchestration:workflow:write",
        refusals={
            "batchNotFound": refusal(404, "There is no batch with uuid {uuid}."),
            "batchNotStopped": refusal(409, "Batch {uuid} was not stopped by a limit ({status}), so there is nothing to resume."),
            "maxCreditsTooLow": refusal(400, "The batch has used {used} credits and its limit is {limit}: give a higher maxCredits."),
            "notEnoughCredits": _TOO_FEW,
        },
        until=Until("orchestration.batch.get", key="batch.uuid", field="batch.status", final=FINAL),
        cli=Cli(
            examples=(
                "cargo-ai orchestration batch resume UUID --wait-until-finished",
                "cargo-ai orchestration batch resume UUID --max-credits 500",
            )
        ),
    )
)
