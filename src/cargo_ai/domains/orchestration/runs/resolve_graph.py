"""Resolve the graph of a new run or batch: inline nodes, a named release, or the deployed one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.nodes.node import Node
from cargo_ai.domains.orchestration.nodes import node as node_format
from cargo_ai.domains.orchestration.workflows import lookup, validation
from cargo_ai.domains.orchestration.workflows.lookup import Runnable
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.engine.graph.graph import is_start
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import JsonObject

CreateOperation = Operation[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a new run or batch walks, and the workflow that it belongs to."""

    spec: RunSpec
    workflow: Runnable


async def resolve(
    ctx: Context,
    operation: CreateOperation,
    workflow: str | None,
    release: str | None,
    nodes: Sequence[Node] | None,
    *,
    allow_plays: bool = True,
) -> Target:
    """The graph and workflow of a new run or batch. Raises Refusal of the operation when there is no graph that can be walked."""
    runnable = await lookup.runnable(ctx.db, uid) if workflow is not None and (uid := ids.parse(workflow)) else None
    if not allow_plays and runnable is not None and runnable.kind == "play":
        operation.refuse("playNotCompatible", uuid=workflow, fix="cargo-ai orchestration batch create --help")
    if release is not None and nodes is not None:
        operation.refuse("invalidReleaseOrCustomNodes", cause="give a release or nodes, not both.")
    if workflow is None:
        return await _ad_hoc(ctx, operation, release, nodes)
    runnable = found_or_refuse(operation, runnable, "workflowNotFound", uuid=workflow, fix="cargo-ai orchestration tool list")
    if nodes is not None:
        return _target(ctx, runnable, None, await _validate(ctx, operation, nodes))
    if release is not None:
        return _target(ctx, runnable, *await _find_release(ctx, operation, runnable.workflow_uuid, release))
    if runnable.release_uuid is None or not runnable.nodes:
        operation.refuse(
            "nodesNotFound",
            cause=f"workflow {workflow} has nothing deployed.",
            fix="cargo-ai orchestration draft-release deploy --help",
        )
    return _target(ctx, runnable, runnable.release_uuid, runnable.nodes)


async def _ad_hoc(ctx: Context, operation: CreateOperation, release: str | None, nodes: Sequence[Node] | None) -> Target:
    if nodes is None:
        if release is not None:
            operation.refuse("invalidReleaseOrCustomNodes", cause="a release needs the workflowUuid that it belongs to.")
        operation.refuse("nodesNotFound", cause="name a workflow, or give nodes.", fix="cargo-ai orchestration tool list")
    stored = await _validate(ctx, operation, nodes)
    workflow = await lookup.hidden_workflow(ctx.db, ctx.workspace)
    return _target(ctx, Runnable(workflow, "hidden", None, None, None, None), None, stored)


async def _validate(ctx: Context, operation: CreateOperation, nodes: Sequence[Node]) -> list[JsonObject]:
    """The nodes as they are stored. Raises Refusal when they cannot be run."""
    stored = node_format.stored(ctx, list(nodes))
    if not stored:
        operation.refuse("nodesNotFound", cause="the list of nodes is empty.")
    if not any(is_start(node) for node in stored):
        operation.refuse("rootNodeNotFound")
    report = await validation.examine(ctx, stored)
    faults = report.fatal()
    if faults:
        first = faults[0]
        operation.refuse(
            "invalidReleaseOrCustomNodes",
            cause=f"node {first.slug or first.uuid} ({first.reason}): {first.message}",
            details={"invalidNodes": [fault.to_wire() for fault in faults]},
        )
    validation.warn(ctx, report)
    return stored


async def _find_release(ctx: Context, operation: CreateOperation, workflow: uuid.UUID, text: str) -> tuple[uuid.UUID, list[JsonObject]]:
    release = await lookup.pinned_release(ctx.db, uid) if (uid := ids.parse(text)) else None
    if release is None or release.workflow_uuid != workflow:
        operation.refuse("invalidReleaseOrCustomNodes", cause=f"workflow {workflow} has no release {text}.")
    if not release.nodes:
        operation.refuse("nodesNotFound", cause=f"release {text} has no nodes.")
    if release.status == "draft":
        # A draft may be anything: what is wrong with it must be said now, not by its runs.
        await _validate(ctx, operation, [Node.model_validate(node) for node in release.nodes])
    return release.uuid, release.nodes


def _target(ctx: Context, workflow: Runnable, release: uuid.UUID | None, nodes: list[JsonObject]) -> Target:
    return Target(RunSpec(ctx.workspace, workflow.workflow_uuid, ctx.who.user_uuid, release, nodes), workflow)
