"""Batches: many records through one graph, started, looked at and cancelled."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import RowMapping, Text, and_, cast, false, func, not_, or_, select, true

from cargo_ai.contract.orchestration import batch as contract
from cargo_ai.contract.orchestration.fields import BatchRunsStatus
from cargo_ai.contract.orchestration.workflow import LastBatch
from cargo_ai.domains.orchestration import pick, run_reply
from cargo_ai.domains.orchestration.tables import Workflow
from cargo_ai.engine import cancel as engine_cancel
from cargo_ai.engine import submit
from cargo_ai.engine.claim import close_batch
from cargo_ai.engine.queue import driver_connection, producer
from cargo_ai.engine.tables import batches, shards
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import ByUuid, JsonObject, Removed
from cargo_ai.roomkit.context import Context
from cargo_ai.roomkit.handlers import handles
from cargo_ai.store.files import FileMissing, owned
from cargo_ai.store.session import EVERYWHERE

HANDLED = "records or file"


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateBatch) -> contract.BatchReply:
    """Start a batch: a worker reads its records and enrols them, chunk by chunk."""
    origin = await pick.origin(ctx, contract.create, request.workflow_uuid, request.release_uuid, request.nodes)
    uid = ids.new()
    data = await _data(ctx, uid, request.data)
    await submit.batch(await driver_connection(ctx.db), producer(), origin, data, uid=uid)
    reply = contract.BatchReply(batch=await _one(ctx, uid))
    if isinstance(request.data, contract.RecordsData):
        # Last, so that nothing that goes wrong here leaves a file behind; no worker looks for it before the commit.
        await ctx.files.put(_records_key(ctx.workspace, uid), _lines(request.data.records))
    return reply


def _records_key(workspace: uuid.UUID, batch: uuid.UUID) -> str:
    return f"{workspace}/batches/{batch}/records.ndjson"


async def _data(ctx: Context, uid: uuid.UUID, data: contract.BatchInput) -> JsonObject:
    """The batch's data as it is kept: inline records go into a file, whatever their number."""
    if isinstance(data, contract.FileData):
        await _readable(ctx, data.s3_filename)
        kept: JsonObject = {"kind": "file", "s3Filename": data.s3_filename}
        return kept | ({"mappings": data.mappings} if data.mappings else {})
    if isinstance(data, contract.RecordsData):
        if not data.records:
            contract.create.refuse("dataError", cause="the list of records is empty.", details={"dataError": {"reason": "noRecords"}})
        return {"kind": "records", "s3Filename": _records_key(ctx.workspace, uid)}
    return contract.create.refuse("invalidDataKind", kind=data.kind, cause=f"this workflow takes {HANDLED}.")


async def _readable(ctx: Context, key: str) -> None:
    try:
        await ctx.files.size(owned(key, ctx.workspace))
    except FileMissing:
        contract.create.refuse(
            "dataError",
            cause=f"there is no file {key}: upload it first and use the s3Filename that comes back.",
            details={"dataError": {"reason": "invalidData"}},
            fix="cargo-ai workspace file upload --file-path companies.csv",
        )


async def _lines(records: Sequence[JsonObject]) -> AsyncIterator[bytes]:
    for begin in range(0, len(records), 1_000):
        yield b"".join(to_json(record, inf_nan_mode="null") + b"\n" for record in records[begin : begin + 1_000])


def _counts():
    """What the shards of an unfinished batch have counted so far."""
    sums = [func.coalesce(func.sum(shards.c[name]), 0).label(name) for name in ("executed", "failed", "cancelled", "credits")]
    return select(*sums).where(shards.c.batch_uuid == batches.c.uuid).lateral("counts")


def query(workspace: uuid.UUID):
    """The select of batch rows with their live counts."""
    counts = _counts()
    live = [counts.c[name].label(f"live_{name}") for name in ("executed", "failed", "cancelled", "credits")]
    return select(batches, *live).select_from(batches.join(counts, true())).where(batches.c.workspace_uuid == workspace)


async def _one(ctx: Context, uid: uuid.UUID) -> contract.Batch:
    row = (await ctx.db.execute(query(ctx.workspace).where(batches.c.uuid == uid))).mappings().one()
    return (await replies(ctx, [row]))[0]


async def replies(ctx: Context, rows: Sequence[RowMapping]) -> list[contract.Batch]:
    """Batches on the wire, in the order of the rows; inline graphs are looked up together."""
    inline = await run_reply.graphs_of(ctx.db, ctx.workspace, {row["graph_uuid"] for row in rows if row["release_uuid"] is None})
    return [_reply(row, inline.get(row["graph_uuid"]) if row["release_uuid"] is None else None) for row in rows]


def _ended(row: RowMapping) -> tuple[int, int]:
    """How many runs have ended, and how many of them in error."""
    if row["finished_ms"] is None:
        return int(row["live_executed"]), int(row["live_failed"])
    return int(row["executed_count"]), int(row["failed_count"])


def _health(executed: int, failed: int) -> BatchRunsStatus | None:
    return None if not executed else "unhealthy" if failed else "healthy"


def _reply(row: RowMapping, nodes: list[JsonObject] | None) -> contract.Batch:
    executed, failed = _ended(row)
    created, updated = run_reply.moment(row["created_ms"]), run_reply.moment(row["updated_ms"])
    assert created is not None and updated is not None
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
        runs_status=_health(executed, failed),
        runs_count=int(row["cursor"]),
        executed_runs_count=executed,
        failed_runs_count=failed,
        credits_used_count=run_reply.number(float(row["live_credits"] if row["finished_ms"] is None else row["credits"])),
        created_at=created,
        updated_at=updated,
        finished_at=run_reply.moment(row["finished_ms"]),
    )


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.BatchReply:
    """A batch and how far it is."""
    row = await _row(ctx, request.uuid)
    if row is None:
        contract.get.refuse("batchNotFound", uuid=request.uuid)
    return contract.BatchReply(batch=(await replies(ctx, [row]))[0])


async def _row(ctx: Context, text: str) -> RowMapping | None:
    uid = ids.parse(text)
    return (await ctx.db.execute(query(ctx.workspace).where(batches.c.uuid == uid))).mappings().one_or_none() if uid else None


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListBatches) -> contract.BatchesReply:
    """Batches, newest first."""
    where = _where(request)
    rows = await ctx.db.execute(
        query(ctx.workspace).where(*where).order_by(batches.c.uuid.desc()).limit(request.limit).offset(request.offset)
    )
    return contract.BatchesReply(batches=await replies(ctx, rows.mappings().all()))


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
        named = [name for name in request.statuses if name != "finished"]
        ended = batches.c.finished_ms.is_not(None) if "finished" in request.statuses else false()
        where.append(or_(batches.c.status.in_(named), ended))
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
    row = await _row(ctx, request.uuid)
    if row is None:
        contract.cancel.refuse("batchNotFound", uuid=request.uuid)
    if row["finished_ms"] is not None:
        contract.cancel.refuse("batchAlreadyFinished", uuid=request.uuid, status=row["status"])
    await engine_cancel.ask_batch(await driver_connection(ctx.db), ctx.workspace, row["uuid"])
    ctx.after_commit.append(lambda: _close(ctx, row["uuid"]))
    return Removed(uuid=row["uuid"])


async def _close(ctx: Context, uid: uuid.UUID) -> None:
    async with ctx.database.session(EVERYWHERE) as session:
        await close_batch(await driver_connection(session), uid)
        await session.commit()


async def last_batches(ctx: Context, workflows: Sequence[uuid.UUID]) -> dict[uuid.UUID, LastBatch]:
    """How the newest batch of each workflow goes, in one statement: the index gives one row per workflow."""
    if not workflows:
        return {}
    one = batches.alias()
    newest = (
        select(one.c.uuid)
        .where(one.c.workspace_uuid == ctx.workspace, one.c.workflow_uuid == Workflow.uuid)
        .order_by(one.c.uuid.desc())
        .limit(1)
        .scalar_subquery()
    )
    wanted = select(newest).where(Workflow.uuid.in_(workflows))
    rows = (await ctx.db.execute(query(ctx.workspace).where(batches.c.uuid.in_(wanted)))).mappings().all()
    return {row["workflow_uuid"]: _last(row) for row in rows}


def _last(row: RowMapping) -> LastBatch:
    created = run_reply.moment(row["created_ms"])
    assert created is not None
    return LastBatch(
        uuid=row["uuid"],
        status=row["status"],
        runs_status=_health(*_ended(row)),
        error_message=row["error_message"],
        created_at=created,
        finished_at=run_reply.moment(row["finished_ms"]),
    )
