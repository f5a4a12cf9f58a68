"""Reruns: resolve which earlier runs a batch repeats, on which graph and from where."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.contract.orchestration.batches import batch as contract
from cargo_ai.contract.orchestration.batches import batch_data as batch_kinds
from cargo_ai.domains.orchestration.replay import replay_point
from cargo_ai.domains.orchestration.replay.replay_point import Reset
from cargo_ai.domains.orchestration.runs import resolve_graph, run_response
from cargo_ai.domains.orchestration.runs.filters import record_filter, run_filter
from cargo_ai.domains.orchestration.runs.filters.run_filter import Condition
from cargo_ai.domains.orchestration.runs.resolve_graph import Target
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.domains.orchestration.workflows.lookup import Runnable
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.engine.journal.tables import batches, runs
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject


async def resolve(ctx: Context, request: contract.CreateBatch, filter: batch_kinds.RunsOfBatch) -> Target:
    """The graph of a new batch that repeats runs and names no workflow: the graph that they walked, unless the request has another."""
    if filter.batch_uuid is None and not filter.uuids:
        _refuse("say which runs: name a workflow, or in the filter a batchUuid or uuids.")
    former = await _former(ctx, filter)
    if request.release_uuid is None and request.nodes is None:
        return await to_target(ctx, former)
    return await resolve_graph.resolve(ctx, contract.create, str(former.workflow), request.release_uuid, request.nodes)


async def _former(ctx: Context, filter: batch_kinds.RunsOfBatch) -> RunSpec:
    """What the runs of the filter walked."""
    if filter.batch_uuid is not None:
        spec = await of_batch(ctx, filter.batch_uuid)
        if spec is None:
            _refuse(f"there is no batch {filter.batch_uuid}.", "cargo-ai orchestration batch list")
        return spec
    where = run_filter.matching(ctx.workspace, record_filter.run_filters(filter))
    rows = (await ctx.db.execute(select(runs.c.workflow_uuid, runs.c.release_uuid, runs.c.graph_uuid).where(*where).distinct())).all()
    if not rows:
        _refuse("no run matches the filter.", "cargo-ai orchestration run list --workflow-uuid UUID --statuses error")
    if len(rows) > 1:
        _refuse("these runs walked different graphs: name a workflow, and its deployed release is taken, or give nodes.")
    workflow, release, graph = rows[0]
    return await spec_of_graph(ctx, workflow, release, graph)


async def of_batch(ctx: Context, text: str) -> RunSpec | None:
    """What the runs of a batch walk; None when the workspace has no such batch."""
    columns = (batches.c.workflow_uuid, batches.c.release_uuid, batches.c.graph_uuid)
    query = select(*columns).where(batches.c.uuid == ids.parse(text), batches.c.workspace_uuid == ctx.workspace)
    row = (await ctx.db.execute(query)).one_or_none()
    return None if row is None else await spec_of_graph(ctx, *row)


async def spec_of_graph(ctx: Context, workflow: uuid.UUID, release: uuid.UUID | None, graph: uuid.UUID) -> RunSpec:
    """What new runs walk that repeat runs through this graph."""
    nodes = (await run_response.graphs_of(ctx.db, ctx.workspace, {graph})).get(graph, [])
    return RunSpec(ctx.workspace, workflow, ctx.who.user_uuid, release, nodes)


async def to_target(ctx: Context, spec: RunSpec) -> Target:
    """The same with its workflow, which may have been removed since."""
    workflow = await lookup.runnable(ctx.db, spec.workflow, removed=True)
    return Target(spec, workflow or Runnable(spec.workflow, "hidden", None, None, None, None))


def reset_of_request(reset: batch_kinds.RunsReset) -> Reset:
    """Where runs begin again, as the request says it."""
    return Reset(reset.from_, reset.node_uuid, reset.node_path, reset.repeat_unknown)


def problem_of(reset: Reset, nodes: Sequence[JsonObject]) -> str | None:
    """Why nothing could go on there in this graph, as the end of a sentence; None when something might."""
    if reset.path is not None:
        return replay_point.path_problem(reset.path, nodes)
    if reset.node_uuid is not None and not any(node.get("uuid") == reset.node_uuid for node in nodes):
        return f"the graph has no node {reset.node_uuid}."
    return None


def to_stored(filter: batch_kinds.RunsOfBatch, reset: Reset, nodes: Sequence[Mapping[str, Any]]) -> JsonObject:
    """The stored data of a batch that repeats runs. A path of slugs is stored with the uuid of its first node."""
    slug = (reset.path or "").partition(".")[0]
    first = next((str(node["uuid"]) for node in nodes if slug and node.get("slug") == slug), reset.node_uuid)
    stored = replace(reset, node_uuid=first).to_stored()
    return {"kind": "runs", "filter": filter.model_dump(mode="json", by_alias=True, exclude_none=True), "reset": stored}


def conditions(workspace: uuid.UUID, workflow: uuid.UUID, filter: batch_kinds.RunsOfBatch, batch: uuid.UUID) -> list[Condition]:
    """The runs that a batch does again: those that had ended and were older than it. They stay the same while it is read."""
    where = run_filter.matching(workspace, record_filter.run_filters(filter))
    where += [runs.c.workflow_uuid == workflow, runs.c.fanout_uuid.is_(None), runs.c.finished_ms.is_not(None), runs.c.uuid < batch]
    if filter.statuses is None:
        where.append(runs.c.status != "skipped")
    if filter.kind == "records":
        where.append(record_filter.latest(batch))
    return where


def _refuse(cause: str, fix: str | None = None) -> NoReturn:
    contract.create.refuse("dataError", cause=cause, details={"dataError": {"reason": "invalidData"}}, fix=fix)
