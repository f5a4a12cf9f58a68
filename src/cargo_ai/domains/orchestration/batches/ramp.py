"""Resume a batch that stopped by itself for its error rate or its credits."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.batches.batch import BatchReply
from cargo_ai.contract.orchestration.runs import replay as contract
from cargo_ai.domains.orchestration.batches import batch
from cargo_ai.domains.orchestration.dry_run import node_costs
from cargo_ai.domains.orchestration.plays import play_policy
from cargo_ai.domains.orchestration.runs.run_response import number
from cargo_ai.engine.dispatch import stages
from cargo_ai.engine.dispatch.pace import parse_pace
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.journal.graphs import read_graph
from cargo_ai.engine.journal.tables import batches
from cargo_ai.kernel import ids
from cargo_ai.ledger import reservations
from cargo_ai.store.driver import driver_connection


@handles(contract.resume_batch)
async def resume(ctx: Context, request: contract.ResumeBatch) -> BatchReply:
    """Go on after the last record that was enrolled. The error rate counts from here on; credits count from the beginning."""
    uid = ids.parse(request.uuid)
    query = select(batches).where(batches.c.uuid == uid, batches.c.workspace_uuid == ctx.workspace)
    row = (await ctx.db.execute(query)).mappings().one_or_none() if uid else None
    row = found_or_refuse(contract.resume_batch, row, "batchNotFound", uuid=request.uuid)
    if row["stopped"] is None or row["finished_ms"] is None:
        fix = f"cargo-ai orchestration batch get {request.uuid}"
        contract.resume_batch.refuse("batchNotStopped", uuid=request.uuid, status=row["status"], fix=fix)
    pace = parse_pace(row["pace"])
    if request.max_credits is not None:
        pace = replace(pace, max_credits=float(request.max_credits))
    used = float(row["credits"])
    if pace.max_credits is not None and (pace.max_credits <= used or (row["stopped"] == "maxCredits" and request.max_credits is None)):
        contract.resume_batch.refuse("maxCreditsTooLow", used=number(used), limit=number(pace.max_credits))
    nodes = await read_graph(await driver_connection(ctx.db), ctx.workspace, row["graph_uuid"])
    costs = await node_costs.run_costs(ctx.services, ctx.db, ctx.workspace, nodes)
    await reservations.check(await driver_connection(ctx.db), ctx.workspace, costs.needed)
    at_end = play_policy.END_TASK if row["enrolment"] is not None else None
    if not await stages.resume_batch(await driver_connection(ctx.db), producer(), ctx.workspace, row["uuid"], pace, at_end):
        contract.resume_batch.refuse("batchNotStopped", uuid=request.uuid, status="running")
    return BatchReply(batch=await batch.load(ctx, row["uuid"]))
