"""Fixes of explanations: the command to run next for a run that failed or waits."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, select

from cargo_ai.context.context import Context
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.journal.tables import runs

DEEPEST = 20
"""Levels of runs below runs that are followed upwards."""
_ABOVE = (runs.c.uuid, runs.c.graph_uuid, runs.c.parent_uuid, runs.c.parent_node_uuid, runs.c.finished_ms)


async def replay(ctx: Context, row: RowMapping, slug: str) -> str:
    """The command that repeats the run from the node on: by the run at the top, where this one is below another."""
    look = f"cargo-ai orchestration run get {row['uuid']}"
    top, path = row["uuid"], [slug]
    parent, node, ended = row["parent_uuid"], row["parent_node_uuid"], row["finished_ms"] is not None
    for _ in range(DEEPEST):
        if parent is None:
            return await _replay_command(ctx, top, path) if ended else look
        query = select(*_ABOVE).where(runs.c.workspace_uuid == ctx.workspace, runs.c.uuid == parent)
        above = (await ctx.db.execute(query)).mappings().one_or_none()
        holding = await _node(ctx, above["graph_uuid"], node) if above is not None else {}
        # A run that its parent does not wait for is not repeated with the parent.
        if above is None or not holding or holding.get("waitUntilFinished") is False:
            return look
        top, path, ended = above["uuid"], [str(holding["slug"]), *path], above["finished_ms"] is not None
        parent, node = above["parent_uuid"], above["parent_node_uuid"]
    return look


async def _node(ctx: Context, graph: uuid.UUID, node: str) -> dict[str, Any]:
    nodes = (await run_response.graphs_of(ctx.db, ctx.workspace, {graph})).get(graph, [])
    return next((other for other in nodes if other.get("uuid") == node), dict[str, Any]())


async def _replay_command(ctx: Context, top: uuid.UUID, path: list[str]) -> str:
    query = select(runs.c.workflow_uuid, runs.c.release_uuid).where(runs.c.workspace_uuid == ctx.workspace, runs.c.uuid == top)
    row = (await ctx.db.execute(query)).mappings().one()
    release = await newer_release(ctx, row)
    newer = f" --release-uuid {release.uuid}" if release is not None and path[0] in release.slugs else ""
    return f"cargo-ai orchestration run replay {top} --from-node {'.'.join(path)}{newer}"


@dataclass(frozen=True, slots=True)
class NewerRelease:
    """The release of a workflow that is live and that a run has not walked, with the slugs of its nodes."""

    uuid: uuid.UUID
    slugs: frozenset[str]


async def newer_release(ctx: Context, row: RowMapping) -> NewerRelease | None:
    """The live release of the run's workflow; None when the run has walked it, or walked no release."""
    if row["release_uuid"] is None:
        return None
    live = await lookup.runnable(ctx.db, row["workflow_uuid"])
    if live is None or live.release_uuid is None or live.release_uuid == row["release_uuid"]:
        return None
    return NewerRelease(live.release_uuid, frozenset(str(node.get("slug")) for node in live.nodes or ()))


def rerun_batch(row: RowMapping, release: NewerRelease | None) -> str | None:
    """The command that does all failed runs of the run's batch again, with this release; None where the run has no batch of its own."""
    if row["batch_uuid"] is None or row["parent_uuid"] is not None:
        return None
    failed = {"kind": "runs", "batchUuid": str(row["batch_uuid"]), "statuses": ["error"]}
    data = json.dumps({"kind": "runs", "filter": failed, "reset": {"from": "lastNode"}})
    newer = f" --release-uuid {release.uuid}" if release is not None else ""
    return f"cargo-ai orchestration batch create --data '{data}'{newer}"


async def runs_below(ctx: Context, row: RowMapping) -> str:
    """The command that lists the runs that this one waits for. Those of a tool belong to the tool's workflow."""
    query = select(runs.c.workflow_uuid).where(runs.c.workspace_uuid == ctx.workspace, runs.c.parent_uuid == row["uuid"])
    below = await ctx.db.scalar(query.where(runs.c.finished_ms.is_(None)).limit(1))
    workflow = below or row["workflow_uuid"]
    return f"cargo-ai orchestration run list --workflow-uuid {workflow} --parent-uuid {row['uuid']} --is-finished false"
