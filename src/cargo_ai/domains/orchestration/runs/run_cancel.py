"""Cancel runs: end those that have not begun, and ask running ones to stop at their next node; many of them by a job, part by part."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.runs import run as contract
from cargo_ai.domains.orchestration.runs import bounded_count
from cargo_ai.domains.orchestration.runs.filters import run_filter
from cargo_ai.domains.orchestration.tables import cancellations
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.dispatch import cancel as engine_cancel
from cargo_ai.engine.dispatch.claim import close_batch
from cargo_ai.engine.dispatch.queue import goes_on, producer
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import Counted
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

TASK = "cancelRuns"
AT_ONCE = 100
"""This many runs are cancelled before the caller is answered; more by a job."""
PART = 5_000
COUNTED = 1_000
"""How far the runs of a filter are counted for the answer."""
SHOWN = 5


class _Part(NamedTuple):
    """Runs that were looked at: how many were cancelled, the last one, batches that may be over now, and whether there may be more."""

    cancelled: int
    last: uuid.UUID
    ended: set[uuid.UUID]
    more: bool


@handles(contract.cancel)
async def cancel(ctx: Context, request: contract.CancelRuns) -> Counted:
    """Cancel the runs that are named, or all unfinished ones that the filter describes; many by a job."""
    await lookup.workflow_or_refuse(ctx.db, contract.cancel, request.workflow_uuid)
    if request.uuids is not None and not await _any_left(ctx, request.workflow_uuid, request.uuids):
        return Counted(count=0)
    before, where = ids.new(), _unfinished(ctx.workspace, request)
    counted = await bounded_count.count_runs(ctx.db, [where], COUNTED)
    if counted.is_exact and counted.total <= AT_ONCE:
        return Counted(count=await cancel_unfinished(ctx, where))
    await _defer(ctx, request, before)
    how_many = f"{counted.total:,}" if counted.is_exact else f"More than {counted.total:,}"
    ctx.warn(f"{how_many} runs are being cancelled in the background: cargo-ai orchestration queue get shows how many are left.")
    return Counted(count=counted.total)


async def _any_left(ctx: Context, workflow: str, uuids: Sequence[str]) -> bool:
    """Whether any of the runs that are named has not ended; says which of them the workflow does not have, and how many had ended."""
    named = {"workflow_uuid": workflow, "uuids": uuids}
    query = select(runs.c.uuid, runs.c.finished_ms.is_not(None)).where(*run_filter.matching(ctx.workspace, named))
    has_ended: dict[uuid.UUID | None, bool] = {row[0]: bool(row[1]) for row in await ctx.db.execute(query)}
    unknown = [text for text in dict.fromkeys(uuids) if ids.parse(text) not in has_ended]
    if unknown:
        more = f" and {len(unknown) - SHOWN:,} more" if len(unknown) > SHOWN else ""
        ctx.warn(f"The workflow has no such runs: {', '.join(unknown[:SHOWN])}{more} (cargo-ai orchestration run list).")
    if ended := sum(has_ended.values()):
        ctx.warn(f"Runs that had ended already and stay as they are: {ended:,}.")
    return ended < len(has_ended)


def _unfinished(workspace: uuid.UUID, request: contract.CancelRuns) -> list[run_filter.Condition]:
    """The runs of the request's filter that may be cancelled: found from the oldest one that has not ended."""
    where = run_filter.matching(workspace, run_filter.filters_of(request))
    return [*where, *run_filter.matching(workspace, {"is_finished": False})]


async def _defer(ctx: Context, request: contract.CancelRuns, before: uuid.UUID) -> None:
    """Have a job cancel the runs that are there now: to lock their shards takes as long as the workers that drive them write."""
    row: dict[str, Any] = {"uuid": ids.new(), "workspace_uuid": ctx.workspace, "workflow_uuid": ids.parse(request.workflow_uuid)}
    row |= {"filters": request.model_dump(mode="json", by_alias=True, exclude_none=True), "before": before, "after": uuid.UUID(int=0)}
    row |= {"cancelled": 0, "total": None, "created_ms": clock.now_ms()}
    await ctx.db.execute(insert(cancellations).values(**row))
    await producer().defer(await driver_connection(ctx.db), TASK, "interactive", cancellation=str(row["uuid"]))


async def cancel_unfinished(ctx: Context, where: Sequence[run_filter.Condition]) -> int:
    """Cancel the unfinished runs that meet the conditions, which are not many; how many that were."""
    touched, after, more = 0, uuid.UUID(int=0), True
    while more:
        part = await _cancel_part(ctx.db, ctx.workspace, [*where, runs.c.finished_ms.is_(None)], after, PART)
        touched, after, more = touched + part.cancelled, part.last, part.more
        _close_after_commit(ctx, part.ended)
    return touched


async def _cancel_part(db: AsyncSession, workspace: uuid.UUID, where: Sequence[run_filter.Condition], after: uuid.UUID, most: int) -> _Part:
    query = select(runs.c.uuid).select_from(run_filter.joined).where(*where, runs.c.uuid > run_filter.literal_id(after))
    page = list(await db.scalars(query.order_by(runs.c.uuid).limit(most)))
    if not page:
        return _Part(0, after, set(), more=False)
    touched, ended = await engine_cancel.cancel_runs(await driver_connection(db), workspace, page)
    return _Part(len(touched), page[-1], ended, more=len(page) == most)


def _close_after_commit(ctx: Context, ended: set[uuid.UUID]) -> None:
    if ended:
        ctx.after_commit.append(lambda: _close(ctx.database, ended))


async def _close(database: Database, ended: set[uuid.UUID]) -> None:
    """See whether batches whose parked runs were cancelled are over."""
    async with database.session(ALL_WORKSPACES) as session:
        connection = await driver_connection(session)
        for batch in sorted(ended):
            await close_batch(connection, batch)
        await session.commit()


class CancelJob:
    """The queue's job that cancels many runs: a part in each transaction, which says how far it came, and from where another goes on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @goes_on
    async def run(self, cancellation: str) -> None:
        """Cancel what is left."""
        uid, more = uuid.UUID(cancellation), True
        while more:
            more = await self._part(uid)
            crash_points.point("between parts of cancelled runs")

    async def _part(self, uid: uuid.UUID) -> bool:
        async with self._database.session(ALL_WORKSPACES) as db:
            row = (await db.execute(select(cancellations).where(cancellations.c.uuid == uid).with_for_update())).one_or_none()
            if row is None:
                return False
            where = self._where(row)
            if row.total is None:
                # What is counted here is what `queue get` shows.
                rest = select(func.count()).select_from(run_filter.joined).where(*where, runs.c.uuid > run_filter.literal_id(row.after))
                total = row.cancelled + int(await db.scalar(rest) or 0)
                await db.execute(update(cancellations).where(cancellations.c.uuid == uid).values(total=total))
                await db.commit()
                return True
            part = await _cancel_part(db, row.workspace_uuid, where, row.after, PART)
            if part.more:
                moved = update(cancellations).where(cancellations.c.uuid == uid)
                await db.execute(moved.values(after=part.last, cancelled=row.cancelled + part.cancelled))
            else:
                await db.execute(delete(cancellations).where(cancellations.c.uuid == uid))
            await db.commit()
        await _close(self._database, part.ended)
        return part.more

    def _where(self, row: Row[Any]) -> list[run_filter.Condition]:
        request = contract.CancelRuns.model_validate(row.filters)
        return [*_unfinished(row.workspace_uuid, request), runs.c.uuid < run_filter.literal_id(row.before)]
