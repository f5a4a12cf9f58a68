"""Explain runs: say why a run is where it is, from its row, its journal and the state of its shard."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import RowMapping, select, text

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.fields import RunStatus
from cargo_ai.contract.orchestration.insight import explain as contract
from cargo_ai.domains.orchestration.insight import queue
from cargo_ai.domains.orchestration.insight.explanations import explain_fix
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.retention.archived_runs import find_command
from cargo_ai.domains.orchestration.reviews import pending_reviews
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.engine.graph.action import OUTCOME_UNKNOWN
from cargo_ai.engine.journal.tables import executions, runs, shards
from cargo_ai.engine.limits.sentence import RATE_LIMIT
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import ByUuid, JsonObject

Node = Mapping[str, Any]
LIVE_WORKERS = text("select count(*) from workers where beat_ms > :since")
_FANOUT = text("select kind, size, left_count from fanouts where uuid = :uuid and workspace_uuid = :workspace")
_AHEAD = text("select count(*) from shards where workspace_uuid = :workspace and state in ('waiting', 'queued') and uuid < :uuid")


@handles(contract.explain_run)
async def explain_run(ctx: Context, request: ByUuid) -> contract.ExplanationReply:
    """Why the run is where it is."""
    uid = ids.parse(request.uuid)
    row = (await ctx.db.execute(run_response.query(ctx.workspace).where(runs.c.uuid == uid))).mappings().one_or_none() if uid else None
    fix = await find_command(ctx, uid) if row is None else None
    row = found_or_refuse(contract.explain_run, row, "runNotFound", fix=fix, uuid=request.uuid)
    return contract.ExplanationReply(explanation=await of_run(ctx, row))


async def of_run(ctx: Context, row: RowMapping) -> contract.Explanation:
    """The explanation of a run's row."""
    nodes = (await run_response.graphs_of(ctx.db, ctx.workspace, {row["graph_uuid"]})).get(row["graph_uuid"], [])
    graph: dict[str, JsonObject] = {str(node["uuid"]): node for node in nodes}
    query = select(executions.c.node_uuid, executions.c.node_slug, executions.c.status, executions.c.error_message, executions.c.reason)
    query = query.add_columns(executions.c.next_node_uuid, executions.c.finished_ms)
    entries = list((await ctx.db.execute(query.where(executions.c.run_uuid == row["uuid"]).order_by(executions.c.seq))).mappings())
    if row["finished_ms"] is not None:
        return await _explain_ended(ctx, row, graph, entries)
    if row["status"] == "idle":
        return await _explain_parked(ctx, row, graph.get(row["position"], {}))
    return await _explain_under_way(ctx, row, graph, entries)


def _explain(row: RowMapping, reason: contract.ExplanationReason, sentence: str, **more: Any) -> contract.Explanation:
    return contract.Explanation(
        reason=reason,
        sentence=sentence,
        status=cast("RunStatus", row["status"]),
        run_uuid=row["uuid"],
        workflow_uuid=row["workflow_uuid"],
        record_id=row["record_id"],
        since=run_response.timestamp_or_none(row["finished_ms"] or row["updated_ms"]),
        **more,
    )


async def _explain_ended(ctx: Context, row: RowMapping, graph: Mapping[str, Node], entries: list[RowMapping]) -> contract.Explanation:
    last = entries[-1] if entries else None
    slug = last["node_slug"] if last else None
    if row["status"] == "skipped":
        return _explain(row, "skipped", row["error_message"] or "Skipped: the rule of the play did not let this record enter.")
    if row["status"] == "cancelled":
        where = f" at {slug}" if slug else " before its first node"
        return _explain(row, "cancelled", f"The run was cancelled{where}.", node_slug=slug)
    if row["status"] == "error":
        return await _explain_failed(ctx, row, next((entry for entry in reversed(entries) if entry["status"] == "error"), None))
    action = graph.get(last["node_uuid"], {}).get("actionSlug") if last else None
    if last is not None and action == "filter" and last["next_node_uuid"] is None and last["status"] == "success":
        sentence = f"The run ended at the filter {slug}, whose condition was not met: that is not an error."
        return _explain(row, "stoppedByFilter", sentence, node_slug=slug, fix=f"cargo-ai orchestration run get {row['uuid']}")
    absorbed = [entry for entry in entries if entry["status"] == "error"]
    if absorbed:
        first = absorbed[0]
        sentence = f"The run came to its end, although {first['node_slug']} failed: {first['error_message']}"
        more = {"node_slug": first["node_slug"], "error_message": first["error_message"]}
        return _explain(row, "succeededInSpite", sentence, fix=f"cargo-ai orchestration run get {row['uuid']}", **more)
    return _explain(row, "succeeded", f"The run came to its end at {slug}." if slug else "The run came to its end.", node_slug=slug)


async def _explain_failed(ctx: Context, row: RowMapping, failed: RowMapping | None) -> contract.Explanation:
    message = (failed["error_message"] if failed else None) or row["error_message"]
    release = await explain_fix.newer_release(ctx, row)
    again = explain_fix.rerun_batch(row, release)
    if failed is None:
        fix = f"cargo-ai orchestration run get {row['uuid']}"
        return _explain(row, "runFailed", f"The run failed outside of any node: {message}", error_message=message, fix=fix, batch_fix=again)
    child = await ctx.db.scalar(
        select(runs.c.uuid)
        .where(runs.c.workspace_uuid == ctx.workspace, runs.c.parent_uuid == row["uuid"], runs.c.parent_node_uuid == failed["node_uuid"])
        .where(runs.c.status == "error")
        .order_by(runs.c.uuid)
        .limit(1)
    )
    more = {"node_slug": failed["node_slug"], "error_message": message, "batch_fix": again}
    if child is not None:
        sentence = f"{failed['node_slug']} failed, because a run below it failed: {message}"
        return _explain(row, "childFailed", sentence, cause_run_uuid=child, fix=f"cargo-ai orchestration run explain {child}", **more)
    fix = await explain_fix.replay(ctx, row, failed["node_slug"])
    sentence = f"{failed['node_slug']} failed: {message}"
    if release is not None:
        sentence = f"{sentence.removesuffix('.')}. The workflow has another release now, {release.uuid}: the commands repeat with it."
    if failed["reason"] == OUTCOME_UNKNOWN:
        # The rest of the message leads to this explanation.
        sentence = sentence.partition(": look there")[0]
        sentence = f"{sentence}. Look there: if it did not happen, the fix does it again; the batch's fix leaves such runs out."
        return _explain(row, "outcomeUnknown", sentence, fix=fix, **more)
    return _explain(row, "nodeFailed", sentence, fix=fix, **more)


async def _explain_parked(ctx: Context, row: RowMapping, node: Node) -> contract.Explanation:
    slug, due = str(node.get("slug", "")), run_response.timestamp_or_none(row["wake_ms"])
    more: dict[str, Any] = {"node_slug": slug, "due_at": due}
    waiting_for = await ctx.db.scalar(select(runs.c.waiting_for).where(runs.c.uuid == row["uuid"]))
    if waiting_for is not None:
        fanout = (await ctx.db.execute(_FANOUT, {"uuid": waiting_for, "workspace": ctx.workspace})).mappings().one_or_none()
        left = f"{fanout['left_count']} of {fanout['size']}" if fanout else "some"
        sentence = f"{slug} waits for the runs that it has started: {left} have not ended."
        fix = await explain_fix.runs_below(ctx, row)
        return _explain(row, "waitingForChildren", sentence, fix=fix, **more)
    if node.get("actionSlug") == "humanReview":
        query = select(Review).where(Review.run_uuid == row["uuid"], Review.status == "pending").order_by(Review.uuid.desc()).limit(1)
        review = await ctx.db.scalar(query)
        if review is not None:
            fix, names = f"cargo-ai orchestration review get {review.uuid}", [str(name) for name in review.assignees]
            sentence = f"{slug} waits for a person to approve or reject: {pending_reviews.by(names)}."
            return _explain(row, "waitingForReview", sentence, fix=fix, **more)
    pending = cast("dict[str, Any]", await ctx.db.scalar(select(runs.c.pending).where(runs.c.uuid == row["uuid"])) or {})
    when = f" until {clock.to_iso(due)}" if due else ""
    if node.get("kind") == "native" and node.get("actionSlug") == "delay":
        return _explain(row, "waitingForTime", f"{slug} waits{when}, as it is set.", **more)
    waits = pending.get("waits")
    if waits and waits["reason"] in queue.CONNECTOR_WAITS:
        sentence, fix = queue.connector_wait(slug, waits["reason"], waits["for"])
        return _explain(row, "waitingForConnector", sentence, fix=fix, **more)
    # A connector node that has left nothing to go on with waits for its own limit; `throttled`: the service asked for it.
    own = node.get("kind") == "connector" and pending.get("resumed") and pending.get("meta") is None
    says = str(pending.get("says") or "")
    if own or says.startswith(RATE_LIMIT) or int(pending.get("throttled") or 0) > 0:
        fix = f"cargo-ai connection connector get {node.get('connectorUuid')}" if node.get("connectorUuid") else None
        details = queue.rate_limit_details(says)
        # It asks again before that, for the limit may be raised; what counts for people is the hour that is named.
        sentence = f"{slug} waits{'' if details else when} for a slot of its connector's rate limit.{details}"
        return _explain(row, "waitingForRateLimit", sentence, fix=fix, **more)
    if int(pending.get("attempt") or 1) > 1:
        attempt = int(pending["attempt"])
        return _explain(
            row, "waitingToRetry", f"{slug} has failed and is tried again{when.replace('until', 'at')} (attempt {attempt}).", **more
        )
    return _explain(row, "waitingForService", f"{slug} waits{when} for a service that has not finished.", **more)


async def _explain_under_way(ctx: Context, row: RowMapping, graph: Mapping[str, Node], entries: list[RowMapping]) -> contract.Explanation:
    last = entries[-1] if entries else None
    starts = [node for node in graph.values() if node.get("slug") == "start"]
    ahead = graph.get(last["next_node_uuid"] or "") if last else starts[0] if starts else None
    slug = str(ahead["slug"]) if ahead else None
    if row["status"] == "cancelling":
        return _explain(row, "cancelling", "The run is being cancelled: it ends at its next node.", node_slug=slug)
    shard = (await ctx.db.execute(select(shards.c.state).where(shards.c.uuid == row["shard_uuid"]))).scalar_one_or_none()
    since = int(clock.unix_seconds() * 1000 - ctx.settings.stalled_after * 1000)
    if not await ctx.db.scalar(LIVE_WORKERS, {"since": since}):
        sentence = "No worker is running, so no run continues: start a server or a worker."
        return _explain(row, "noWorker", sentence, node_slug=slug, fix="cargo-ai server start")
    if shard == "running":
        return _explain(row, "running", f"A worker is at it, at {slug}." if slug else "A worker is at it.", node_slug=slug)
    if shard == "waiting" and await queue.is_full(ctx):
        most = ctx.settings.max_concurrent_runs
        sentence = f"The run waits: {most} runs of the workspace may go at once (CARGO_AI_MAX_CONCURRENT_RUNS), and others do."
        return _explain(row, "waitingForConcurrencyLimit", sentence, node_slug=slug, fix="cargo-ai server queue")
    if shard == "waiting":
        count = int(await ctx.db.scalar(_AHEAD, {"workspace": ctx.workspace, "uuid": row["shard_uuid"]}) or 0)
        sentence = f"The run waits for its turn: {count} parts of batches of this workspace come before it."
        return _explain(row, "waitingForTurn", sentence, node_slug=slug, fix="cargo-ai server queue")
    return _explain(row, "waitingForWorker", "The run waits for a worker that is free.", node_slug=slug, fix="cargo-ai server queue")


def of_no_run(
    workflow: uuid.UUID, record: str, reason: contract.ExplanationReason, sentence: str, fix: str | None = None
) -> contract.Explanation:
    """The explanation of a record that never entered."""
    return contract.Explanation(reason=reason, sentence=sentence, workflow_uuid=str(workflow), record_id=record, fix=fix)
