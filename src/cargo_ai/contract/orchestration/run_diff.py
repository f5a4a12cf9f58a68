"""Run comparison: the first node at which two runs diverge, in groups and sub-tools too."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import RunStatus
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Uuid, Wire

DivergenceKind = Literal["input", "node", "config", "output", "status", "child", "length", "items"]


class Step(Wire):
    """One way into what a run has started: the node that did, and which of its items (from 0); null for a sub-tool."""

    node_slug: str
    item: int | None


class ChangedValue(Wire):
    """Where two values differ: a dotted path ('' is the whole), and both sides; null where one has nothing there."""

    path: str
    first: Any
    second: Any


class Divergence(Wire):
    """Where two runs diverge.

    kind: `input` they began with other records; `node` they came to different nodes; `config` or `output` the same node was asked for or
    gave something else; `status` it went well in one only; `child` it went on elsewhere; `items` it started another number of runs;
    `length` one went on where the other had ended. `steps` lead from the requested runs down to `runUuids`, which diverge at `nodeSlug`.
    """

    kind: DivergenceKind
    sentence: str
    steps: list[Step]
    run_uuids: tuple[Uuid, Uuid]
    index: int
    node_slugs: tuple[str | None, str | None]
    values: list[ChangedValue]


class Side(Wire):
    """One of the two runs."""

    uuid: Uuid
    workflow_uuid: Uuid
    release_uuid: Uuid | None
    record_id: str
    status: RunStatus


class RunDiffReply(Wire):
    """`divergence` is null when the two runs did the same. `sameNodesCount`: how many nodes were the same before they diverged."""

    same: bool
    same_nodes_count: int
    divergence: Divergence | None
    first: Side
    second: Side


class DiffRuns(Wire):
    """The two runs."""

    uuid: Uuid = Field(description="The first run.")
    other_uuid: Uuid = Field(description="The second run.")
    ignore_input: bool = Field(default=False, description="Go on where only the records differ that the runs began with.")


diff: Operation[DiffRuns, RunDiffReply, Literal["runNotFound"]] = operations.add(
    Operation(
        "orchestration.run.diff",
        "POST",
        "/orchestration/runs/diff",
        request=DiffRuns,
        response=RunDiffReply,
        summary="Find the first node where two runs diverge, also inside groups and sub-tools.",
        permission="orchestration:workflow:read",
        refusals={"runNotFound": refusal(404, "There is no run with uuid {uuid}.")},
        reads=True,
        cli=Cli(
            positionals=("uuid", "otherUuid"),
            examples=("cargo-ai orchestration run diff UUID OTHER_UUID",),
        ),
    )
)
