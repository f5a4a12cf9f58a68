"""Replays: runs repeated from a node, reusing the executions before it; and stopped batches that resume."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.batch import BatchReply
from cargo_ai.contract.orchestration.fields import FINAL, Listed, Number, RunStatusWanted, Word
from cargo_ai.contract.orchestration.node import Nodes
from cargo_ai.contract.orchestration.pacing import Paced
from cargo_ai.contract.orchestration.run import RunReply
from cargo_ai.kernel.operation import Cli, Operation, Until, refusal
from cargo_ai.kernel.wire import Uuid, Wire

NodePath = Annotated[Word, Field(min_length=1)]
_PATH = "The slug of the node to go on at; in a group, GROUP.NODE: then each of its items goes on there."


class ReplayRun(Wire):
    """Which run to repeat, and from where."""

    uuid: Uuid = Field(description="The run.")
    from_node: NodePath = Field(description=_PATH)
    release_uuid: Uuid | None = Field(default=None, description="Go on with this release instead of the run's own graph.")
    nodes: Nodes | None = Field(default=None, description="Go on with this graph instead of the run's own.")


class ReplayBatch(Paced):
    """Which batch's runs to repeat, and from where."""

    uuid: Uuid = Field(description="The batch.")
    from_node: NodePath = Field(description=_PATH)
    statuses: Annotated[list[RunStatusWanted], Listed] | None = Field(
        default=None, description="Only runs with one of these statuses; all that have ended by default."
    )
    release_uuid: Uuid | None = Field(default=None, description="Go on with this release instead of the batch's own graph.")
    nodes: Nodes | None = Field(default=None, description="Go on with this graph instead of the batch's own.")


class ResumeBatch(Wire):
    """Which stopped batch is to go on."""

    uuid: Uuid = Field(description="The batch.")
    max_credits: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="The new limit of credits of the whole batch, what it has used so far included."
    )


_BAD_GRAPH = refusal(400, "This graph cannot be taken: {cause}")
_NO_GRAPH = refusal(400, "There is nothing to run: {cause}")
_NO_START = refusal(400, "The graph has no node with slug and actionSlug start, so a run has nowhere to begin.")
_NO_NODE = refusal(404, "Nothing can go on at {path}: {cause}")

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
]
ReplayBatchReason = Literal[
    "batchNotFound", "workflowNotFound", "invalidReleaseOrCustomNodes", "nodesNotFound", "rootNodeNotFound", "nodeNotFound"
]
ResumeReason = Literal["batchNotFound", "batchNotStopped", "maxCreditsTooLow"]

_WORKFLOW_NOT_FOUND = refusal(404, "The workflow {uuid} is gone; give nodes to run without it.")

replay_run: Operation[ReplayRun, RunReply, ReplayRunReason] = operations.add(
    Operation(
        "orchestration.run.replay",
        "POST",
        "/orchestration/runs/{uuid}/replay",
        request=ReplayRun,
        response=RunReply,
        summary="Repeat a run from one of its nodes on: what came before is taken over, with no calls and no credits.",
        permission="orchestration:workflow:write",
        refusals={
            "runNotFound": refusal(404, "There is no run with uuid {uuid}."),
            "runNotFinished": refusal(409, "Run {uuid} has not ended ({status}): wait for it, or cancel it."),
            "runBelowAnother": refusal(400, "Run {uuid} was started by run {parent}, and goes on in a repetition of that one only."),
            "nodeNotReached": refusal(400, "Run {uuid} cannot be repeated from {path}: {cause}"),
            "workflowNotFound": _WORKFLOW_NOT_FOUND,
            "invalidReleaseOrCustomNodes": _BAD_GRAPH,
            "nodesNotFound": _NO_GRAPH,
            "rootNodeNotFound": _NO_START,
            "nodeNotFound": _NO_NODE,
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
        summary="Repeat the runs of a batch from one node on; those that never came to it are skipped.",
        permission="orchestration:workflow:write",
        refusals={
            "batchNotFound": refusal(404, "There is no batch with uuid {uuid}."),
            "workflowNotFound": _WORKFLOW_NOT_FOUND,
            "invalidReleaseOrCustomNodes": _BAD_GRAPH,
            "nodesNotFound": _NO_GRAPH,
            "rootNodeNotFound": _NO_START,
            "nodeNotFound": _NO_NODE,
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
        summary="Have a batch that stopped by itself go on with its next records; none is repeated.",
        permission="orchestration:workflow:write",
        refusals={
            "batchNotFound": refusal(404, "There is no batch with uuid {uuid}."),
            "batchNotStopped": refusal(409, "Batch {uuid} did not stop by itself ({status}), so there is nothing to resume."),
            "maxCreditsTooLow": refusal(400, "The batch has used {used} credits and its limit is {limit}: give a higher maxCredits."),
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
