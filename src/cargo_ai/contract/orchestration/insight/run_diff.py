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
    """A step from a run to one of its child runs: the node that started it, and the index of the item (from 0); null for a sub-tool."""

    node_slug: str
    item: int | None


class ChangedValue(Wire):
    """A difference between two values: a dotted path ('' is the whole value) and both sides; null where one side has nothing."""

    path: str
    first: Any
    second: Any


class Divergence(Wire):
    """Where two runs diverge.

    kind: `input` the records differ; `node` different nodes were executed; `config` or `output` the settings or the output of the same
    node differ; `status` the node succeeded in one run only; `child` it took different routes; `items` it started different numbers of
    runs; `length` one run continued where the other had ended. `steps` lead from the requested runs to `runUuids`, which diverge at
    `nodeSlugs`.
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
    """`divergence` is null when the runs are equal. `sameNodesCount`: the number of equal executions before the divergence."""

    same: bool
    same_nodes_count: int
    divergence: Divergence | None
    first: Side
    second: Side


class DiffRuns(Wire):
    """The two runs."""

    uuid: Uuid = Field(description="The first run.")
    other_uuid: Uuid = Field(description="The second run.")
    ignore_input: bool = Field(default=False, description="Ignore differences between the input records, and compare the nodes.")


diff: Operation[DiffRuns, RunDiffReply, Literal["runNotFound"]] = operations.add(
    Operation(
        "orchestration.run.diff",
        "POST",
        "/orchestration/runs/diff",
        request=DiffRuns,
        response=RunDiffReply,
        summary="Compare two runs: find the first node at which they diverge, inside groups and sub-tools too.",
        permission="orchestration:workflow:read",
        refusals={"runNotFound": refusal(404, "There is no run with uuid {uuid}.")},
        reads=True,
        cli=Cli(
            positionals=("uuid", "otherUuid"),
            examples=("cargo-ai orchestration run diff UUID OTHER_UUID",),
        ),
    )
)
