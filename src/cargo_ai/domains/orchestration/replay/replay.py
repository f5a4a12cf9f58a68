"""Replay a run or the runs of a batch from a node, reusing the executions before it."""

from __future__ import annotations

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.batches import batch_data as batch_kinds
from cargo_ai.contract.orchestration.batches.batch import BatchReply
from cargo_ai.contract.orchestration.runs import replay as contract
from cargo_ai.contract.orchestration.runs.run import RunReply
from cargo_ai.domains.orchestration.batches import batch, pacing
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.replay import rerun, rerun_source
from cargo_ai.domains.orchestration.replay.replay_point import Graph, Reset
from cargo_ai.domains.orchestration.runs import resolve_graph, run_response
from cargo_ai.domains.orchestration.runs.resolve_graph import Target
from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel import ids
from cargo_ai.store.driver import driver_connection


@handles(contract.replay_run)
async def replay_run(ctx: Context, request: contract.ReplayRun) -> RunReply:
    """A new run that goes on at the node; its journal begins with what the earlier run did."""
    uid = ids.parse(request.uuid)
    columns = (*rerun_source.COLUMNS, runs.c.workflow_uuid, runs.c.release_uuid, runs.c.graph_uuid, runs.c.parent_uuid, runs.c.finished_ms)
    query = select(*columns, runs.c.status).where(runs.c.uuid == uid, runs.c.workspace_uuid == ctx.workspace)
    row = (await ctx.db.execute(query)).mappings().one_or_none() if uid else None
    row = found_or_refuse(contract.replay_run, row, "runNotFound", uuid=request.uuid)
    if row["parent_uuid"] is not None:
        fix = f"cargo-ai orchestration run replay {row['parent_uuid']} --from-node GROUP.{request.from_node}"
        contract.replay_run.refuse("runBelowAnother", uuid=request.uuid, parent=row["parent_uuid"], fix=fix)
    if row["finished_ms"] is None:
        contract.replay_run.refuse("runNotFinished", uuid=request.uuid, status=row["status"])
    former = await rerun.spec_of_graph(ctx, row["workflow_uuid"], row["release_uuid"], row["graph_uuid"])
    target = await _named_graph(ctx, request, former)
    spec = target.spec if target is not None else former
    nodes = [dict(node) for node in spec.nodes]
    # Who names the run and the node has decided that it may be done again.
    reset = Reset("node", path=request.from_node, repeat_unknown=True)
    problem = rerun.problem_of(reset, nodes)
    if problem is not None:
        contract.replay_run.refuse("nodeNotFound", path=request.from_node, cause=problem)
    (again,) = await rerun_source.to_replays(ctx.db, ctx.workspace, [row], reset, Graph.of(nodes))
    if again.skip is not None:
        cause = again.skip.removeprefix("Skipped: ")
        fix = f"cargo-ai orchestration run get {request.uuid}"
        contract.replay_run.refuse("nodeNotReached", uuid=request.uuid, path=request.from_node, cause=cause, fix=fix)
    costs = await node_costs.run_costs(ctx.services, ctx.db, ctx.workspace, nodes)
    run = await submit.submit_run(await driver_connection(ctx.db), producer(ctx.settings.max_concurrent_runs), spec, again, costs)
    return RunReply(run=(await run_response.to_responses(ctx.db, ctx.workspace, [run]))[0])


async def _named_graph(ctx: Context, request: contract.ReplayRun | contract.ReplayBatch, former: RunSpec) -> Target | None:
    """The graph that the request names; None where it means the earlier one, which must be there."""
    operation = contract.replay_run if isinstance(request, contract.ReplayRun) else contract.replay_batch
    if request.release_uuid is not None or request.nodes is not None:
        return await resolve_graph.resolve(ctx, operation, str(former.workflow), request.release_uuid, request.nodes)
    if not former.nodes:
        operation.refuse("nodesNotFound", cause="the graph no longer exists: give nodes.")
    return None


@handles(contract.replay_batch)
async def replay_batch(ctx: Context, request: contract.ReplayBatch) -> BatchReply:
    """A new batch that does the runs again."""
    former = found_or_refuse(contract.replay_batch, await rerun.of_batch(ctx, request.uuid), "batchNotFound", uuid=request.uuid)
    target = await _named_graph(ctx, request, former) or await rerun.to_target(ctx, former)
    nodes = target.spec.nodes
    reset = Reset("node", path=request.from_node, repeat_unknown=request.repeat_unknown)
    problem = rerun.problem_of(reset, [dict(node) for node in nodes])
    if problem is not None:
        contract.replay_batch.refuse("nodeNotFound", path=request.from_node, cause=problem)
    statuses = list(request.statuses) if request.statuses is not None else None
    filter = batch_kinds.RunsOfBatch(kind="runs", batch_uuid=request.uuid, statuses=statuses)
    data, pace = rerun.to_stored(filter, reset, nodes), await pacing.of_request(ctx, request, nodes)
    return BatchReply(batch=await batch.submit_stored(ctx, ids.new(), target, data, pace))
