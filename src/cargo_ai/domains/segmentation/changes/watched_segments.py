"""Watched segments: compare them whenever their records are written, on whichever worker is notified first."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from functools import partial

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import events
from cargo_ai.context.events import Attachment
from cargo_ai.context.removal import usages
from cargo_ai.domains.segmentation.changes import comparison, dependencies
from cargo_ai.domains.segmentation.tables import Segment
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch.timers.lookout import Lookout
from cargo_ai.engine.journal import crash_points
from cargo_ai.kernel import clock, log, tasks
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store import driver
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

CHANNEL = "cargo_segments"
"""Of notifications that there is something to compare."""

MAX_SLEEP_SECONDS = 61.3
LOCKED_SECONDS = 0.2
MIN_PAUSE_MS = 100
MAX_PAUSE_MS = 30_000
MAX_AT_ONCE = 4
"""Workspaces whose segments one worker compares at once: the heavy segment of one delays no other."""
MAX_DUE_PER_WORKSPACE = 20

_log = log.get(__name__)

SELECT_DUE = """
select workspace_uuid, array_agg(segment_uuid order by first) from (
    select segment_uuid, workspace_uuid, min(id) as first, row_number() over (partition by workspace_uuid order by min(id)) as place
    from segment_work where due <= clock_timestamp() and workspace_uuid <> all(%s) group by 1, 2
) as work where place <= %s group by 1 order by min(first) limit %s
"""
SELECT_NEXT = "select extract(epoch from min(due) - clock_timestamp())::float8 from segment_work where workspace_uuid <> all(%s)"
# In the transaction of the write itself, so that no write is without its work; only where a segment watches the model.
_TOUCHED = """touched as (
    insert into public.segment_work (segment_uuid, workspace_uuid, due)
    select segment_uuid, workspace_uuid, clock_timestamp() + pause_ms * interval '1 millisecond'
    from public.segment_watches where model_uuid = %(model)s returning 1
)"""
_NOTIFIED = f"(select pg_notify('{CHANNEL}', '')::text from touched limit 1)"  # noqa: S608 - a constant
MARK_TOUCHED = f"with {_TOUCHED} select {_NOTIFIED}"
# A row that `settles` is taken once every transaction has ended that was open when the row was first seen (`horizon`): they may have
# written without seeing the watch.
TAKE_WORK = """
with taken as (
    delete from segment_work where segment_uuid = %(segment)s
        and (not settles or horizon <= pg_snapshot_xmin(pg_current_snapshot())) returning 1
), waiting as (
    update segment_work set horizon = coalesce(horizon, pg_snapshot_xmax(pg_current_snapshot())), due = clock_timestamp() + interval '0.2 s'
    where segment_uuid = %(segment)s and settles and (horizon is null or horizon > pg_snapshot_xmin(pg_current_snapshot())) returning 1
)
select (select count(*) from taken), (select count(*) from waiting)
"""
REMOVE = "delete from {table} where ctid = any(array(select ctid from {table} where segment_uuid = %s for update skip locked))"
POSTPONE = """
update segment_work set tries = tries + 1, due = clock_timestamp() + least(300, 2 ^ least(tries, 10)) * interval '1 second'
where segment_uuid = %s
"""


async def begin(db: AsyncSession, segment: uuid.UUID, *, afresh: bool) -> bool:
    """Begin to watch a segment, in the session's transaction; nothing when it is so already.

    `afresh`: only what differs later from what is in it now is a change; else also what differs from its last snapshot. Where there is much
    to look at, or another comparison is under way, a worker does it; returns whether it is left to it. Raises InvalidFilter when the filter
    does not fit the model.
    """
    is_free = await comparison.try_lock(db, segment)
    locked = await comparison.read_segment(db, segment)
    if locked is None or locked.row.is_watched:
        return locked is not None and locked.row.baseline is not None
    locked.row.is_watched = True
    await db.flush()
    await _record_watched_models(db, locked)
    if not afresh and locked.row.snapshot is not None:
        await _notify(db, locked.row)
        return locked.row.baseline is not None
    return await _count_from_now(db, locked, is_free=is_free)


async def count_from_now(db: AsyncSession, segment: uuid.UUID) -> bool:
    """Let changes of a segment count from now on, though it is not watched. Where there is much to look at, a worker does it; returns
    whether it is left to one. Raises InvalidFilter when the filter does not fit the model."""
    is_free = await comparison.try_lock(db, segment)
    locked = await comparison.read_segment(db, segment)
    return locked is not None and await _count_from_now(db, locked, is_free=is_free)


async def _count_from_now(db: AsyncSession, locked: comparison.LockedSegment, *, is_free: bool) -> bool:
    locked.row.baseline = None
    if is_free and await comparison.is_quick(db, locked):
        await comparison.take_snapshot(db, locked)
        return False
    await comparison.take_snapshot_later(db, locked.row)
    await _notify(db, locked.row)
    return True


async def end(db: AsyncSession, segment: uuid.UUID, *, forget: bool) -> None:
    """End watching a segment, in the session's transaction, whether or not it is being compared right now. `forget`: what was left to a
    worker of its beginning is left undone."""
    left = await db.scalar(select(Segment).where(Segment.uuid == segment, or_(Segment.is_watched, Segment.baseline.is_not(None))))
    if left is None:
        return
    left.is_watched, left.baseline = False, None if forget else left.baseline
    await db.flush()
    await remove_watches(db, segment)
    if left.baseline is not None:
        await _notify(db, left)


@events.attachable(Attachment(_NOTIFIED, (_TOUCHED,)))
async def mark_touched(db: AsyncSession, event: storage.RecordsChanged | storage.ModelChanged) -> None:
    """Write down that the segments that watch the model are to be compared, and wake a worker."""
    await driver.execute(await driver_connection(db), MARK_TOUCHED, {"model": event.model})


async def remove_watches(db: AsyncSession, segment: uuid.UUID) -> None:
    """Remove what would lead to a comparison of this segment. What one that is under way has locked is left to it, or to the next one."""
    connection = await driver_connection(db)
    for table in ("segment_watches", "segment_work"):
        await driver.execute(connection, REMOVE.format(table=table), [segment])


async def invalidate(db: AsyncSession, row: Segment) -> None:
    """Have a segment compared soon whose definition was changed, and the watched segments whose filters name it."""
    affected, pending = set[uuid.UUID](), [row.uuid]
    while pending:
        segment = pending.pop()
        if segment not in affected:
            affected.add(segment)
            pending += [user for kind, user in await usages.used_by(db, "segment", segment) if kind == "segment"]
    watched = (await db.execute(select(Segment.uuid, Segment.workspace_uuid).where(Segment.uuid.in_(affected), Segment.is_watched))).all()
    connection = await driver_connection(db)
    for uid, workspace in watched:
        await driver.execute(connection, "insert into segment_work (segment_uuid, workspace_uuid) values (%s, %s)", [uid, workspace])
    if watched:
        await driver.execute(connection, f"select pg_notify('{CHANNEL}', '')")


async def _notify(db: AsyncSession, row: Segment) -> None:
    """Have a worker compare a segment."""
    connection = await driver_connection(db)
    await driver.execute(
        connection, "insert into segment_work (segment_uuid, workspace_uuid) values (%s, %s)", [row.uuid, row.workspace_uuid]
    )
    await driver.execute(connection, f"select pg_notify('{CHANNEL}', '')")


async def _record_watched_models(db: AsyncSession, locked: comparison.LockedSegment) -> int:
    """Store which models decide about this segment; returns how long a write waits before it is compared, in milliseconds.

    Where a model is new, a row that `settles` waits for the transactions that could not see the watch yet.
    """
    row, selection = locked.row, locked.selection
    used = [column.slug for column in locked.tracked.columns]
    used += [order.column_slug for order in locked.saved.sort] if locked.saved.limit is not None else []
    deciding = dependencies.deciding_models(selection.catalog, selection.relation, [locked.saved.filter], selection.scope.segments, used)
    connection = await driver_connection(db)
    present = dict(await driver.fetch(connection, "select model_uuid, pause_ms from segment_watches where segment_uuid = %s", [row.uuid]))
    obsolete, added = list(present.keys() - deciding), list(deciding - present.keys())
    if obsolete:
        query = "delete from segment_watches where segment_uuid = %s and model_uuid = any(%s)"
        await driver.execute(connection, query, [row.uuid, obsolete])
    if added:
        query = "insert into segment_watches (model_uuid, segment_uuid, workspace_uuid) select unnest(%s::uuid[]), %s, %s"
        await driver.execute(connection, query, [added, row.uuid, row.workspace_uuid])
        query = "insert into segment_work (segment_uuid, workspace_uuid, settles) values (%s, %s, true)"
        await driver.execute(connection, query, [row.uuid, row.workspace_uuid])
        await driver.execute(connection, f"select pg_notify('{CHANNEL}', '')")
    return max(present.values(), default=MIN_PAUSE_MS)


def _wake_after(done: asyncio.Task[bool], wake: asyncio.Event) -> None:
    """Look again when a comparison has ended: soon where nothing was compared, since another worker holds the lock or the work settles."""
    if done.cancelled() or done.exception() or done.result():
        wake.set()
    else:
        asyncio.get_running_loop().call_later(LOCKED_SECONDS, wake.set)


class ChangeDetector:
    """Compares watched segments: one of a workspace at a time, and of several workspaces at once. Runs in each worker; it sleeps until it
    is notified or work falls due, and polls nothing."""

    def __init__(self, database: Database, lookout: Lookout | None = None) -> None:
        self._database, self._lookout = database, lookout or Lookout()
        self._running: dict[uuid.UUID, asyncio.Task[bool]] = {}

    async def run(self) -> None:
        """Run until cancelled; wait while the database is unavailable."""
        wake = asyncio.Event()
        on_gap = partial(self._lookout.wake_leading, wake)
        listening = asyncio.create_task(self._database.notifications.listen({CHANNEL: lambda _: wake.set()}, on_gap))
        listening.add_done_callback(lambda _: wake.set())
        try:
            await self._lookout.wait(wake, self._lookout.longest(0))
            while not listening.done():
                wake.clear()
                seconds = await retry_until_available("watched segments", partial(self._look, wake))
                await self._lookout.wait(wake, seconds)
            await listening
        finally:
            running = list(self._running.values())
            self._running.clear()
            await tasks.cancel(listening, *running)

    async def _look(self, wake: asyncio.Event) -> float:
        """Begin to compare what is due; how many seconds later to look again."""
        await self._begin(wake)
        return await self._sleep()

    async def _begin(self, wake: asyncio.Event) -> None:
        """Begin to compare what is due of workspaces of which nothing is being compared. Raises what ended those that were."""
        for workspace, task in list(self._running.items()):
            if task.done():
                del self._running[workspace]
                task.result()
        free = MAX_AT_ONCE - len(self._running)
        for workspace, segments in await self._due(free) if free else ():
            task = self._running[workspace] = asyncio.create_task(self._compare_one(workspace, segments))
            task.add_done_callback(lambda done: _wake_after(done, wake))

    async def _due(self, most: int) -> list[tuple[uuid.UUID, list[uuid.UUID]]]:
        """The workspaces with segments that are due, those that wait the longest first."""
        async with self._database.session(ALL_WORKSPACES) as db:
            values = [list(self._running), MAX_DUE_PER_WORKSPACE, most]
            rows = await driver.fetch(await driver_connection(db), SELECT_DUE, values)
            await db.rollback()
        return [(workspace, segments) for workspace, segments in rows]

    async def _sleep(self) -> float:
        async with self._database.session(ALL_WORKSPACES) as db:
            seconds = await driver.value(await driver_connection(db), SELECT_NEXT, [list(self._running)])
            await db.rollback()
        longest = self._lookout.longest(MAX_SLEEP_SECONDS)
        if seconds is None:
            return longest
        # Another worker holds the lock of what is due already, or as many are compared as may be.
        return min(longest, float(seconds)) if seconds > 0 else LOCKED_SECONDS

    async def next(self) -> bool:
        """Compare one segment that is due and that no other worker has locked; False when no segment is due."""
        for workspace, segments in await self._due(MAX_AT_ONCE):
            if await self._compare_one(workspace, segments):
                return True
        return False

    async def _compare_one(self, workspace: uuid.UUID, segments: Sequence[uuid.UUID]) -> bool:
        """Compare the first of these segments of a workspace that no other worker has locked, in one transaction."""
        for segment in segments:
            try:
                if await self._compare(segment, workspace):
                    return True
            except DATABASE_UNAVAILABLE:
                raise
            except Exception as error:
                await self._postpone(segment, error)
        return False

    async def _compare(self, segment: uuid.UUID, workspace: uuid.UUID) -> bool:
        started, pause = clock.seconds(), MIN_PAUSE_MS
        async with self._database.turns.take(workspace), self._database.session(workspace) as db:
            if not await comparison.try_lock(db, segment):
                return False
            taken = int((await driver.fetch(await driver_connection(db), TAKE_WORK, {"segment": segment}))[0][0])
            if taken:
                locked = await comparison.lock_segment(db, segment)
                if locked is None or not (locked.row.is_watched or locked.row.baseline):
                    await remove_watches(db, segment)
                else:
                    pause = await _record_watched_models(db, locked) if locked.row.is_watched else pause
                    await comparison.compare(db, locked)
            crash_points.point("before change commit")
            await db.commit()
            crash_points.point("after change commit")
        if taken:
            await self._pace(segment, pause, int((clock.seconds() - started) * 1000))
        return taken > 0

    async def _pace(self, segment: uuid.UUID, pause: int, took: int) -> None:
        """Let a segment that takes long to compare rest as long before the next time."""
        new_pause = min(MAX_PAUSE_MS, max(MIN_PAUSE_MS, took))
        if not pause / 2 <= new_pause <= pause * 2:
            query = "update segment_watches set pause_ms = %s where segment_uuid = %s"
            async with self._database.session(ALL_WORKSPACES) as db:
                await driver.execute(await driver_connection(db), query, [new_pause, segment])
                await db.commit()

    async def _postpone(self, segment: uuid.UUID, error: Exception) -> None:
        """Postpone a segment that cannot be compared, so that it does not hold up the others."""
        if isinstance(error, InvalidFilter):
            _log.warning("a watched segment no longer fits its model", segment=str(segment), cause=str(error))
        else:
            _log.error("a watched segment could not be compared; trying again later", segment=str(segment), exc_info=error)
        async with self._database.session(ALL_WORKSPACES) as db:
            await driver.execute(await driver_connection(db), POSTPONE, [segment])
            await db.commit()
