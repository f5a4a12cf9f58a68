"""Undo: take back what a change set wrote, at once where it is little, by a job where it is much."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from psycopg import errors
from sqlalchemy import func, select

from cargo_ai.context import events
from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.storage.records import change_set as contract
from cargo_ai.contract.storage.run import RunCounts
from cargo_ai.domains.storage.columns import computed, recompute
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.history import change_set
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, origin_of
from cargo_ai.domains.storage.models.refreshes import refresh_run
from cargo_ai.domains.storage.models.refreshes.refresh_job import Failed, RefreshJob, note_progress
from cargo_ai.domains.storage.tables import ChangeSet, ChangeSetWrite, StorageRun
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.journal.tables import batches
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.records.catalog import Relation
from cargo_ai.records.ddl import TableBusy
from cargo_ai.records.history import undo as statements
from cargo_ai.records.history.undo import Progress, UndoPlan
from cargo_ai.store.driver import driver_connection

TASK = "storage.undo"
UNDO = "undo"
AT_ONCE = 5_000
"""A change set of more records than this is undone in the background."""
BUSY_SECONDS = 600
"""For so long a job tries to have a model for itself that others write."""

T = TypeVar("T")


@handles(contract.undo)
async def undo(ctx: Context, request: contract.UndoChangeSet) -> contract.UndoReply:
    """Take back what a change set wrote. The undo is a change set, too, and is seen by segments and plays like any other write."""
    row = await change_set.find(ctx, contract.undo, request.uuid, lock=not request.dry_run)
    if row.undone_by_uuid is not None:
        contract.undo.refuse("alreadyUndone", undo=row.undone_by_uuid, fix=f"cargo-ai storage change-set get {row.undone_by_uuid}")
    if row.kind == "forget":
        contract.undo.refuse("forgotten")
    is_unfinished = (batches.c.workspace_uuid == ctx.workspace) & batches.c.finished_ms.is_(None)
    if row.batch_uuid is not None and await ctx.db.scalar(select(batches.c.uuid).where(batches.c.uuid == row.batch_uuid, is_unfinished)):
        contract.undo.refuse("stillRunning", batch=row.batch_uuid, fix=f"cargo-ai orchestration batch get {row.batch_uuid}")
    relation = await change_set.relation_of(ctx, contract.undo, row)
    written = await _written(ctx, row)
    if sum(written) > AT_ONCE:
        if request.dry_run:
            return await _estimate(ctx, relation, row, written)
        return await _start(ctx, row, sum(written), skips=request.skip_conflicts)
    try:
        plan = await _plan(ctx, relation, row, locks=not request.dry_run)
    except TableBusy:
        sentence = "The model is being written by longer work right now. Try again in a moment."
        raise Refusal(503, "databaseUnavailable", sentence, headers={"Retry-After": "2"}) from None
    if request.dry_run:
        return _to_reply(plan, None, is_dry_run=True)
    return _to_reply(plan, await _carry_out(ctx, relation, row, plan, skips=request.skip_conflicts), is_dry_run=False)


async def _written(ctx: Context, row: ChangeSet) -> tuple[int, int, int]:
    """How many records a change set added, updated and removed, once for each time that it wrote one."""
    query = select(func.sum(ChangeSetWrite.added), func.sum(ChangeSetWrite.updated), func.sum(ChangeSetWrite.removed))
    added, updated, removed = (await ctx.db.execute(query.where(ChangeSetWrite.change_set_uuid == row.uuid))).one()
    return int(added or 0), int(updated or 0), int(removed or 0)


async def _estimate(ctx: Context, relation: Relation, row: ChangeSet, written: tuple[int, int, int]) -> contract.UndoReply:
    """What the undo of a large change set would do: by what was counted when it wrote, and by the first records that were written since."""
    connection, most = await driver_connection(ctx.db), contract.MAX_SHOWN_CONFLICTS
    since = await statements.written_since(connection, relation, row.uuid, row.records_at, most)
    found = await statements.plan(connection, relation, row.uuid, row.records_at, locks=False, most_conflicts=most, among=since)
    added, updated, removed = written
    reply = _to_reply(UndoPlan(added, updated, removed, found.conflict_count, found.conflicts), None, is_dry_run=True)
    return reply.model_copy(update={"is_count_exact": False})


async def _start(ctx: Context, row: ChangeSet, size: int, *, skips: bool) -> contract.UndoReply:
    """Have a worker undo it."""
    unfinished = select(StorageRun.uuid).where(StorageRun.model_uuid == row.model_uuid, StorageRun.kind == UNDO)
    under_way = await ctx.db.scalar(unfinished.where(StorageRun.finished_at.is_(None)))
    if under_way is not None:
        contract.undo.refuse("alreadyRunning", run=under_way, fix=f"cargo-ai storage run get {under_way}")
    run = StorageRun(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        model_uuid=row.model_uuid,
        user_uuid=ctx.who.user_uuid,
        kind=UNDO,
        status="pending",
        is_force=skips,
        file_names=[],
        change_set_uuid=row.uuid,
        records_done=0,
        records_total=size,
    )
    ctx.db.add(run)
    await ctx.db.flush()
    names = {"workspace": str(ctx.workspace), "run": str(run.uuid)}
    # One of a workspace at a time, so that others find a slot.
    await producer().defer_in_turn(await driver_connection(ctx.db), TASK, "batch", f"{TASK} {ctx.workspace}", **names)
    ctx.warn(f"The change set is large and undone in the background (cargo-ai storage run get {run.uuid}).")
    reply = _to_reply(UndoPlan(0, 0, 0, 0, []), None, is_dry_run=False)
    return reply.model_copy(update={"run": refresh_run.to_response(run)})


async def _plan(ctx: Context, relation: Relation, row: ChangeSet, *, locks: bool) -> UndoPlan:
    connection, shown = await driver_connection(ctx.db), contract.MAX_SHOWN_CONFLICTS
    return await statements.plan(connection, relation, row.uuid, row.records_at, locks=locks, most_conflicts=shown)


async def _carry_out(
    ctx: Context, relation: Relation, row: ChangeSet, plan: UndoPlan, *, skips: bool, progress: Progress | None = None
) -> contract.ChangeSet | None:
    """Carry out the plan, unless records that were changed since are in its way."""
    if plan.conflict_count and not skips:
        contract.undo.refuse(
            "hasConflicts",
            count=f"{plan.conflict_count:,}",
            first=plan.conflicts[0].record,
            fix=f"cargo-ai storage change-set undo {row.uuid} --dry-run",
            details={"conflicts": [_conflict(one).to_wire() for one in plan.conflicts]},
        )
    return await _apply(ctx, relation, row, plan, progress)


async def _apply(ctx: Context, relation: Relation, row: ChangeSet, plan: UndoPlan, progress: Progress | None) -> contract.ChangeSet | None:
    """Carry out the plan as a change set of its own; None where there is nothing to do."""
    if not (plan.removed or plan.reverted or plan.restored):
        return None
    connection = await driver_connection(ctx.db)
    changes = ChangeRecorder(ctx.workspace, relation.model, origin_of(ctx, "undo", source=row.source, undoes=row.uuid))
    try:
        touched = await statements.apply(connection, relation, changes.at, progress)
    except errors.DataError as error:
        contract.undo.refuse("modelHasChanged", problem=(error.diag.message_primary or "a value does not fit").rstrip("."))
    await changes.note(connection, added=plan.restored, updated=plan.reverted, removed=plan.removed)
    if computed.ComputedColumns.of(relation).columns and (touched is None or touched):
        if touched is None:
            await recompute.recompute(ctx, relation)
        else:
            for sentence in await computed.refresh(connection, relation, touched, ctx.workspace):
                ctx.warn(sentence)
    await events.publish(ctx.db, RecordsChanged(ctx.workspace, relation.model))
    row.undone_by_uuid = changes.uuid
    await ctx.db.flush()
    undone = await ctx.db.scalar(select(ChangeSet).where(ChangeSet.uuid == changes.uuid))
    assert undone is not None, "the recorder has stored it"
    return (await change_set.to_responses(ctx, [undone]))[0]


def _to_reply(plan: UndoPlan, made: contract.ChangeSet | None, *, is_dry_run: bool) -> contract.UndoReply:
    return contract.UndoReply(
        change_set=made,
        is_dry_run=is_dry_run,
        removed_count=plan.removed,
        reverted_count=plan.reverted,
        restored_count=plan.restored,
        conflicts_count=plan.conflict_count,
        conflicts=[_conflict(conflict) for conflict in plan.conflicts],
    )


def _conflict(conflict: statements.Conflict) -> contract.UndoConflict:
    return contract.UndoConflict(id=conflict.record, problem=conflict.problem, column_slugs=conflict.columns)


class UndoJob(RefreshJob):
    """The job of an undo: one transaction, so that after a crash all of it or nothing is done."""

    noun = "undo"

    async def carry_out(self, ctx: Context, run: StorageRun) -> dict[str, Any]:
        """Undo the change set of the run."""
        row = await change_set.find(ctx, contract.undo, str(run.change_set_uuid), lock=True)
        if row.undone_by_uuid is not None:
            contract.undo.refuse("alreadyUndone", undo=row.undone_by_uuid)
        relation = await change_set.relation_of(ctx, contract.undo, row)
        plan = await _when_free(lambda: _plan(ctx, relation, row, locks=True))
        total = run.records_total or 0

        async def progress(share: float) -> None:
            await note_progress(ctx, run, int(share * total), total)

        await progress(0.0)
        await _carry_out(ctx, relation, row, plan, skips=run.is_force, progress=progress)
        counts = RunCounts(added=plan.restored, updated=plan.reverted, removed=plan.removed)
        if plan.conflict_count:
            ctx.warn(f"Records that were changed since and stay as they are: {plan.conflict_count:,}.")
        return {"counts": counts.to_wire(), "records_done": run.records_total}


async def _when_free(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives, as soon as the model is free."""
    ends = clock.seconds() + BUSY_SECONDS
    while True:
        try:
            return await work()
        except TableBusy:
            if clock.seconds() >= ends:
                raise Failed("The model was being written by longer work all the time. Try again later.") from None
        await asyncio.sleep(1)
