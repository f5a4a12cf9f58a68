"""Batches: create, show, list and cancel them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, Text, and_, cast, false, func, not_, or_, select, true

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.batches import batch as contract
from cargo_ai.contract.orchestration.batches.batch_data import RunsData
from cargo_ai.contract.orchestration.fields import WaitsForReview
from cargo_ai.contract.orchestration.workflows.workflow import LastBatch
from cargo_ai.domains.orchestration.batches import batch_data, pacing
from cargo_ai.domains.orchestration.dry_run import dry_run, node_costs
from cargo_ai.domains.orchestration.plays import play_policy
from cargo_ai.domains.orchestration.replay import rerun
from cargo_ai.domains.orchestration.reviews import pending_reviews
from cargo_ai.domains.orchestration.runs import resolve_graph, run_response
from cargo_ai.domains.orchestration.runs.resolve_graph import Target
from cargo_ai.domains.orchestration.runs.run_response import Row, timestamp, timestamp_or_none
from cargo_ai.domains.orchestration.tables import Workflow
from cargo_ai.engine.dispatch import cancel as engine_cancel
from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.claim import admit_shards, close_batch
from cargo_ai.engine.dispatch.pace import Pace
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.dispatch.submit import BatchRequest
from cargo_ai.engine.journal.tables import batches, shards
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid, JsonObject, Removed
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateBatch) -> contract.CreateBatchReply:
    """Create a batch, or forecast what it would do."""
    if request.dry_run:
        return contract.CreateBatchReply(batch=None, dry_run=await dry_run.forecast(ctx, request, await _resolve(ctx, request)))
    if request.sample is not None:
        ctx.warn("sample does nothing without dryRun.")
    return contract.CreateBatchReply(batch=(await start(ctx, request)).batch)


async def start(ctx: Context, request: contract.CreateBatch) -> contract.BatchReply:
    """Create a batch: a worker reads its records and enrols them, chunk by chunk."""
    target, uid = await _resolve(ctx, request), ids.new()
    data = await batch_data.to_stored(ctx, uid, target, request.data)
    batch = await submit_stored(ctx, uid, target, data, await pacing.of_request(ctx, request, target.spec.nodes))
    await batch_data.put_records(ctx, uid, request.data)
    return contract.BatchReply(batch=batch)


async def _resolve(ctx: Context, request: contract.CreateBatch) -> Target:
    if isinstance(request.data, RunsData) and request.workflow_uuid is None:
        return await rerun.resolve(ctx, request, request.data.filter)
    return await resolve_graph.resolve(ctx, contract.create, request.workflow_uuid, request.release_uuid, request.nodes)


async def submit_stored(ctx: Context, uid: uuid.UUID, target: Target, data: JsonObject, pace: Pace | None) -> contract.Batch:
    """A new batch of data in its stored form. Nothing is looked up: the response is made of the row that was inserted."""
    rule = play_policy.admission_rule(target.workflow, data["kind"])
    at_end = None if rule is None else play_policy.END_TASK
    costs = await node_costs.run_costs(ctx.services, ctx.db, ctx.workspace, target.spec.nodes)
    request = BatchRequest(spec=target.spec, data=data, uid=uid, enrolment=rule, at_end=at_end, pace=pace, costs=costs)
    row = await submit.submit_batch(await driver_connection(ctx.db), producer(), request)
    nodes = [dict(node) for node in target.spec.nodes] if target.spec.release is None else None
    return to_response({**row, **dict.fromkeys(_LIVE, 0)}, nodes)


_LIVE = ("live_executed", "live_failed", "live_cancelled", "live_credits")


def _counts():
    """What the shards of an unfinished batch have counted so far."""
    sums = [func.coalesce(func.sum(shards.c[name.removeprefix("live_")]), 0).label(name) for name in _LIVE]
    return select(*sums).where(shards.c.batch_uuid == batches.c.uuid).lateral("counts")


def query(workspace: uuid.UUID):
    """The select of batch rows with their live counts."""
    counts = _counts()
    return (
        select(batches, *(counts.c[name] for name in _LIVE))
        .select_from(batches.join(counts, true()))
        .where(batches.c.workspace_uuid == workspace)
    )


async def load(ctx: Context, uid: uuid.UUID) -> contract.Batch:
    """A batch that exists."""
    row = (await ctx.db.execute(query(ctx.workspace).where(batches.c.uuid == uid))).mappings().one()
    return (await to_responses(ctx, [row]))[0]


async def to_responses(ctx: Context, rows: Sequence[RowMapping]) -> list[contract.Batch]:
    """Batches on the wire, in the order of the rows; inline graphs are looked up together."""
    inline = await run_response.graphs_of(ctx.db, ctx.workspace, {row["graph_uuid"] for row in rows if row["release_uuid"] is None})
    thresholds = await _thresholds(ctx, rows)
    waits = await pending_reviews.of_batches(ctx.db, [row["uuid"] for row in rows if row["finished_ms"] is None])
    responses = [
        to_response(row, None if row["release_uuid"] else inline.get(row["graph_uuid"]), thresholds.get(row["workflow_uuid"], 1.0))
        for row in rows
    ]
    return [_with_reviewers(response, waits.get(row["uuid"])) for row, response in zip(rows, responses, strict=True)]


def _with_reviewers(batch: contract.Batch, waits: WaitsForReview | None) -> contract.Batch:
    if waits is not None and batch.pace is not None and batch.pace.stopped_by is None:
        waits = waits.model_copy(update={"sentence": f"{waits.sentence} The next stage starts when they have ended."})
    return batch.model_copy(update={"waits_for_review": waits})


async def _thresholds(ctx: Context, rows: Sequence[RowMapping]) -> dict[uuid.UUID, float]:
    """The health thresholds of the plays that the batches belong to, by workflow."""
    return await play_policy.thresholds(ctx.db, {row["workflow_uuid"] for row in rows if row["enrolment"] is not None})


def _ended(row: Row) -> tuple[int, int]:
    """How many runs have ended, and how many of them in error."""
    if row["finished_ms"] is None:
        return int(row["live_executed"]), int(row["live_failed"])
    return int(row["executed_count"]), int(row["failed_count"])


def to_response(row: Row, nodes: list[JsonObject] | None, threshold: float = 1.0) -> contract.Batch:
    """A batch on the wire; `nodes`: its inline graph, `threshold`: the share of good runs that makes it healthy."""
    executed, failed = _ended(row)
    return contract.Batch(
        uuid=row["uuid"],
        workspace_uuid=row["workspace_uuid"],
        workflow_uuid=row["workflow_uuid"],
        user_uuid=row["user_uuid"],
        release_uuid=row["release_uuid"],
        nodes=nodes,
        temporal_workflow_id=str(row["uuid"]),
        trace_uuid=row["trace_uuid"],
        data=row["data"],
        error_message=row["error_message"],
        status=row["status"],
        runs_status=play_policy.health(executed, failed, threshold),
        runs_count=int(row["cursor"]),
        executed_runs_count=executed,
        failed_runs_count=failed,
        skipped_runs_count=int(row["skipped_count"]),
        credits_used_count=run_response.number(float(row["live_credits"]) + (0.0 if row["finished_ms"] is None else float(row["credits"]))),
        pace=pacing.to_response(row),
        warnings=batch_data.warnings(row["data"]),
        created_at=timestamp(row["created_ms"]),
        updated_at=timestamp(row["updated_ms"]),
        finished_at=timestamp_or_none(row["finished_ms"]),
    )


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.BatchReply:
    """A batch and how far it is."""
    row = found_or_refuse(contract.get, await _row(ctx, request.uuid), "batchNotFound", uuid=request.uuid)
    return contract.BatchReply(batch=(await to_responses(ctx, [row]))[0])


async def _row(ctx: Context, text: str) -> RowMapping | None:
    uid = ids.parse(text)
    return (await ctx.db.execute(query(ctx.workspace).where(batches.c.uuid == uid))).mappings().one_or_none() if uid else None


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListBatches) -> contract.BatchesReply:
    """Batches, newest first."""
    # The live counts are of those that are shown, not of those that are skipped.
    chosen = select(batches.c.uuid).where(batches.c.workspace_uuid == ctx.workspace, *_where(request)).order_by(batches.c.uuid.desc())
    shown = batches.c.uuid.in_(chosen.limit(request.limit).offset(request.offset))
    rows = await ctx.db.execute(query(ctx.workspace).where(shown).order_by(batches.c.uuid.desc()))
    return contract.BatchesReply(batches=await to_responses(ctx, rows.mappings().all()))


def _where(request: contract.ListBatches) -> list[Any]:
    kind = cast(batches.c.data, Text).op("::json ->>")("kind")
    where: list[Any] = []
    if request.workflow_uuids is not None:
        where.append(batches.c.workflow_uuid.in_([uid for text in request.workflow_uuids if (uid := ids.parse(text))]))
    if request.release_uuid is not None:
        where.append(batches.c.release_uuid == uid if (uid := ids.parse(request.release_uuid)) else false())
    if request.parent_batch_uuid or request.parent_run_uuid or request.parent_node_uuid:
        where.append(false())  # no batch of this server has been started by another run yet
    if request.statuses is not None:
        statuses = [status for status in request.statuses if status != "finished"]
        ended = batches.c.finished_ms.is_not(None) if "finished" in request.statuses else false()
        where.append(or_(batches.c.status.in_(statuses), ended))
    if request.is_finished is not None:
        where.append(batches.c.finished_ms.is_not(None) if request.is_finished else batches.c.finished_ms.is_(None))
    if request.has_runs is not None:
        where.append(batches.c.cursor > 0 if request.has_runs else batches.c.cursor == 0)
    if request.is_skipped is not None:
        where.append(batches.c.status == "skipped" if request.is_skipped else batches.c.status != "skipped")
    if request.included_data_kinds is not None:
        where.append(kind.in_(request.included_data_kinds))
    if request.excluded_data_kinds is not None:
        where.append(not_(and_(kind.in_(request.excluded_data_kinds))))
    return where


@handles(contract.cancel)
async def cancel(ctx: Context, request: ByUuid) -> Removed:
    """Ask a batch to stop: what has not begun never starts, what runs stops at its next node."""
    row = found_or_refuse(contract.cancel, await _row(ctx, request.uuid), "batchNotFound", uuid=request.uuid)
    if row["finished_ms"] is not None:
        contract.cancel.refuse("batchAlreadyFinished", uuid=request.uuid, status=row["status"])
    await engine_cancel.cancel_batch(await driver_connection(ctx.db), ctx.workspace, row["uuid"])
    ctx.after_commit.append(lambda: _close(ctx, row["uuid"]))
    return Removed(uuid=row["uuid"])


async def _close(ctx: Context, uid: uuid.UUID) -> None:
    async with ctx.database.session(ALL_WORKSPACES) as session:
        connection = await driver_connection(session)
        await close_batch(connection, uid)
        # The shards of this batch wait no longer, so others of the workspace may be admitted.
        await admit_shards(connection, producer(ctx.settings.max_concurrent_runs), ctx.workspace)
        await session.commit()


async def last_batches(ctx: Context, workflows: Sequence[uuid.UUID]) -> dict[uuid.UUID, LastBatch]:
    """How the newest batch of each workflow goes, in one statement: the index gives one row per workflow."""
    if not workflows:
        return {}
    other = batches.alias()
    newest = (
        select(other.c.uuid)
        .where(other.c.workspace_uuid == ctx.workspace, other.c.workflow_uuid == Workflow.uuid)
        .order_by(other.c.uuid.desc())
        .limit(1)
        .scalar_subquery()
    )
    uuids = select(newest).where(Workflow.uuid.in_(workflows))
    rows = (await ctx.db.execute(query(ctx.workspace).where(batches.c.uuid.in_(uuids)))).mappings().all()
    thresholds = await _thresholds(ctx, rows)
    return {row["workflow_uuid"]: _last(row, thresholds.get(row["workflow_uuid"], 1.0)) for row in rows}


def _last(row: Row, threshold: float) -> LastBatch:
    return LastBatch(
        uuid=row["uuid"],
        status=row["status"],
        runs_status=play_policy.health(*_ended(row), threshold),
        error_message=row["error_message"],
        created_at=timestamp(row["created_ms"]),
        finished_at=timestamp_or_none(row["finished_ms"]),
    )
