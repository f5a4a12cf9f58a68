"""Pick: which graph a new run or batch walks: inline nodes, a named release, or what is deployed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.node import Node
from cargo_ai.domains.orchestration.nodes import node as nodes_room
from cargo_ai.domains.orchestration.workflows import lookup, validation
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.engine.graph.graph import is_start
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import JsonObject

CreateOperation = Operation[Any, Any, Any]


async def resolve(
    ctx: Context, operation: CreateOperation, workflow: str | None, release: str | None, nodes: Sequence[Node] | None
) -> RunSpec:
    """The graph and workflow of a new run or batch; refuses through `operation` when there is none that can be walked."""
    if release is not None and nodes is not None:
        operation.refuse("invalidReleaseOrCustomNodes", cause="give a release or nodes, not both.")
    if workflow is None:
        return await _ad_hoc(ctx, operation, release, nodes)
    runnable = await lookup.runnable(ctx.db, uid) if (uid := ids.parse(workflow)) else None
    runnable = found_or_refuse(operation, runnable, "workflowNotFound", uuid=workflow, fix="cargo-ai orchestration tool list")
    if nodes is not None:
        return _origin(ctx, runnable.workflow_uuid, None, await _validate(ctx, operation, nodes))
    if release is not None:
        return _origin(ctx, runnable.workflow_uuid, *await _release(ctx, operation, runnable.workflow_uuid, release))
    if runnable.release_uuid is None or not runnable.nodes:
        operation.refuse(
            "nodesNotFound",
            cause=f"workflow {workflow} has nothing deployed.",
            fix=f"cargo-ai orchestration draft-release deploy --workflow-uuid {workflow} --nodes @nodes.json --form-fields null",
        )
    return _origin(ctx, runnable.workflow_uuid, runnable.release_uuid, runnable.nodes)


async def _ad_hoc(ctx: Context, operation: CreateOperation, release: str | None, nodes: Sequence[Node] | None) -> RunSpec:
    if nodes is None:
        if release is not None:
            operation.refuse("invalidReleaseOrCustomNodes", cause="a release needs the workflowUuid that it belongs to.")
        operation.refuse("nodesNotFound", cause="name a workflow, or give nodes.", fix="cargo-ai orchestration tool list")
    kept = await _validate(ctx, operation, nodes)
    return _origin(ctx, await lookup.hidden_workflow(ctx.db, ctx.workspace), None, kept)


async def _validate(ctx: Context, operation: CreateOperation, nodes: Sequence[Node]) -> list[JsonObject]:
    kept = nodes_room.stored(ctx, list(nodes))
    if not kept:
        operation.refuse("nodesNotFound", cause="the list of nodes is empty.")
    if not any(is_start(node) for node in kept):
        operation.refuse("rootNodeNotFound")
    faults = await validation.problems(ctx.db, kept)
    if faults:
        first = faults[0]
        operation.refuse(
            "invalidReleaseOrCustomNodes",
            cause=f"node {first.slug or first.uuid} ({first.reason}): {first.message}",
            details={"invalidNodes": [fault.to_wire() for fault in faults]},
            fix="cargo-ai orchestration node validate --nodes @nodes.json",
        )
    return kept


async def _release(ctx: Context, operation: CreateOperation, workflow: uuid.UUID, release: str) -> tuple[uuid.UUID, list[JsonObject]]:
    found = await lookup.pinned_release(ctx.db, uid) if (uid := ids.parse(release)) else None
    if found is None or found.workflow_uuid != workflow:
        operation.refuse("invalidReleaseOrCustomNodes", cause=f"workflow {workflow} has no release {release}.")
    if not found.nodes:
        operation.refuse("nodesNotFound", cause=f"release {release} has no nodes.")
    if found.status == "draft":
        # A draft may be anything: what is wrong with it must be said now, not by its runs.
        await _validate(ctx, operation, [Node.model_validate(node) for node in found.nodes])
    return found.uuid, found.nodes


def _origin(ctx: Context, workflow: uuid.UUID, release: uuid.UUID | None, nodes: list[JsonObject]) -> RunSpec:
    return RunSpec(ctx.workspace, workflow, ctx.who.user_uuid, release, nodes)
