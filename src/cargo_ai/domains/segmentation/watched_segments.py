"""Watching: segments that are compared whenever records of theirs are written, by whichever worker hears of it first."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import events, usages
from cargo_ai.context.plugins import Parts, plugin
from cargo_ai.domains.segmentation import comparison, dependencies
from cargo_ai.domains.segmentation.tables import Segment
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.journal import crash_points
from cargo_ai.kernel import clock, log
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store import driver
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database, with_options

MAX_SLEEP_SECONDS = 60.0
LOCKED_SECONDS = 0.2
MIN_PAUSE_MS = 100
MAX_PAUSE_MS = 30_000
MAX_DUE = 20

_log = log.get(__name__)

SELECT_DUE = "select segment_uuid, workspace_uuid from segment_work where due <= clock_timestamp() group by 1, 2 order by min(id) limit %s"
# What settles is done when all have ended that were under way when it was seen first; then, too, it is done by a comparison.
# In the transaction of the write itself, so that no write is without its work; only where a segment watches the model.
MARK_TOUCHED = """
with touched as (
    insert into public.segment_work (segment_uuid, workspace_uuid, due)
    select segment_uuid, workspace_uuid, clock_timestamp() + pause_ms * interval '1 millisecond'
    from public.segment_watches where model_uuid = %s returning 1
)
select pg_notify('cargo_segments', '') from touched limit 1
"""
TAKE_WORK = """
with gone as (
    delete from segment_work where segment_uuid = %(segment)s
        and (not settles or horizon <= pg_snapshot_xmin(pg_current_snapshot())) returning 1
), left_over as (
    update segment_work set horizon = coalesce(horizon, pg_snapshot_xmax(pg_current_snapshot())), due = clock_timestamp() + interval '0.2 s'
    where segment_uuid = %(segment)s and settles and (horizon is null or horizon > pg_snapshot_xmin(pg_current_snapshot())) returning 1
)
select (select count(*) from gone), (select count(*) from left_over)
"""
POSTPONE = """
update segment_work set tries = tries + 1, due = clock_timestamp() + least(300, 2 ^ least(tries, 10)) * interval '1 second'
where segment_uuid = %s
"""


async def set_watched(db: AsyncSession, segment: uuid.UUID, watched: bool) -> None:
    """Begin or end watching a segment, in the session's transaction. Beginning takes its state, in silence: only what differs from
    it later is a change. Does nothing where it is so already. Raises InvalidFilter when the filter does not fit the model."""
    one = await comparison.lock_segment(db, segment)
    if one is None or one.row.is_watched == watched:
        return
    one.row.is_watched = watched
    await db.flush()
    if not watched:
        await remove_watches(db, segment)
        return
    await _record_watched_models(db, one)
    await comparison.compare(db, one, quiet=True)


@events.subscribe(storage.RecordsChanged, storage.ModelChanged)
async def mark_touched(db: AsyncSession, event: storage.RecordsChanged | storage.ModelChanged) -> None:
    """Write down that the segments that watch the model are to be compared, and wake a worker."""
    await driver.execute(await driver_connection(db), MARK_TOUCHED, [event.model])


async def remove_watches(db: AsyncSession, segment: uuid.UUID) -> None:
    """Nothing leads to a comparison of this segment any more."""
    connection = await driver_connection(db)
    for table in ("segment_watches", "segment_work"):
        await driver.execute(connection, f"delete from {table} where segment_uuid = %s", [segment])  # noqa: S608 - a constant


async def invalidate(db: AsyncSession, row: Segment) -> None:
    """A segment's filter, order, limit or tracked columns were changed: it and the watched ones that it is in are compared soon."""
    seen, ahead = set[uuid.UUID](), [row.uuid]
    while ahead:
        here = ahead.pop()
        if here not in seen:
            seen.add(here)
            ahead += [uid for kind, uid in await usages.used_by(db, "segment", here) if kind == "segment"]
    watched = (await db.execute(select(Segment.uuid, Segment.workspace_uuid).where(Segment.uuid.in_(seen), Segment.is_watched))).all()
    connection = await driver_connection(db)
    for uid, workspace in watched:
        await driver.execute(connection, "insert into segment_work (segment_uuid, workspace_uuid) values (%s, %s)", [uid, workspace])
    if watched:
        await driver.execute(connection, "select pg_notify('cargo_segments', '')")


async def _record_watched_models(db: AsyncSession, one: comparison.LockedSegment) -> int:
    """Write down the models that this segment depends on. Where one is new, writes that did not see it yet are waited for.

    How long a write waits before it leads to a comparison, in milliseconds.
    """
    row, found = one.row, one.found
    used = [column.slug for column in one.tracked.columns]
    used += [order.column_slug for order in one.kept.sort] if one.kept.limit is not None else []
    wanted = dependencies.deciding_models(found.catalog, found.relation, [one.kept.filter], found.scope.segments, used)
    connection = await driver_connection(db)
    present = dict(await driver.fetch(connection, "select model_uuid, pause_ms from segment_watches where segment_uuid = %s", [row.uuid]))
    gone, fresh = list(present.keys() - wanted), list(wanted - present.keys())
    if gone:
        query = "delete from segment_watches where segment_uuid = %s and model_uuid = any(%s)"
        await driver.execute(connection, query, [row.uuid, gone])
    if fresh:
        query = "insert into segment_watches (model_uuid, segment_uuid, workspace_uuid) select unnest(%s::uuid[]), %s, %s"
        await driver.execute(connection, query, [fresh, row.uuid, row.workspace_uuid])
        query = "insert into segment_work (segment_uuid, workspace_uuid, settles) values (%s, %s, true)"
        await driver.execute(connection, query, [row.uuid, row.workspace_uuid])
        await driver.execute(connection, "select pg_notify('cargo_segments', '')")
    return max(present.values(), default=MIN_PAUSE_MS)


class ChangeDetector:
    """Runs in each worker. It sleeps until a write leads to work, and asks the database about no segment meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Until cancelled. A database that is away is waited for."""
        await retry_until_available("watched segments", self._listen)

    async def _listen(self) -> None:
        url = with_options(self._database.url, application_name="cargo-ai segments")
        link = await psycopg.AsyncConnection[Any].connect(url, autocommit=True, connect_timeout=5)
        async with link:
            await link.execute("listen cargo_segments")
            while True:
                while await self.next():
                    pass
                async for _ in link.notifies(timeout=await self._sleep(link), stop_after=1):
                    pass

    async def _sleep(self, link: psycopg.AsyncConnection[Any]) -> float:
        query = "select extract(epoch from min(due) - clock_timestamp())::float8 from segment_work"
        row = await (await link.execute(query)).fetchone()
        if row is None or row[0] is None:
            return MAX_SLEEP_SECONDS
        # What is due already, somebody else is at.
        return min(MAX_SLEEP_SECONDS, float(row[0])) if row[0] > 0 else LOCKED_SECONDS

    async def next(self) -> bool:
        """Compare one segment that is due and that nobody else is at, in one transaction; False when there is none."""
        async with self._database.session(ALL_WORKSPACES) as db:
            due = await driver.fetch(await driver_connection(db), SELECT_DUE, [MAX_DUE])
            await db.rollback()
        for segment, workspace in due:
            try:
                if await self._compare(segment, workspace):
                    return True
            except DATABASE_UNAVAILABLE:
                raise
            except Exception as error:
                await self._put_off(segment, error)
        return False

    async def _compare(self, segment: uuid.UUID, workspace: uuid.UUID) -> bool:
        began, pause = clock.seconds(), MIN_PAUSE_MS
        async with self._database.session(workspace) as db:
            if not await comparison.try_lock(db, segment):
                return False
            gone = int((await driver.fetch(await driver_connection(db), TAKE_WORK, {"segment": segment}))[0][0])
            if gone:
                one = await comparison.lock_segment(db, segment)
                if one is None or not one.row.is_watched:
                    await remove_watches(db, segment)
                else:
                    pause = await _record_watched_models(db, one)
                    await comparison.compare(db, one)
            crash_points.point("before change commit")
            await db.commit()
            crash_points.point("after change commit")
        if gone:
            await self._pace(segment, pause, int((clock.seconds() - began) * 1000))
        return gone > 0

    async def _pace(self, segment: uuid.UUID, pause: int, took: int) -> None:
        """A segment that takes long to compare rests as long before the next time."""
        wanted = min(MAX_PAUSE_MS, max(MIN_PAUSE_MS, took))
        if not pause / 2 <= wanted <= pause * 2:
            query = "update segment_watches set pause_ms = %s where segment_uuid = %s"
            async with self._database.session(ALL_WORKSPACES) as db:
                await driver.execute(await driver_connection(db), query, [wanted, segment])
                await db.commit()

    async def _put_off(self, segment: uuid.UUID, error: Exception) -> None:
        """One segment that cannot be compared must not keep the others from it."""
        if isinstance(error, InvalidFilter):
            _log.warning("a watched segment no longer fits its model", segment=str(segment), cause=str(error))
        else:
            _log.error("a watched segment could not be compared; trying again later", segment=str(segment), exc_info=error)
        async with self._database.session(ALL_WORKSPACES) as db:
            await driver.execute(await driver_connection(db), POSTPONE, [segment])
            await db.commit()


@plugin
def plug(parts: Parts) -> None:
    """Let workers watch."""
    parts.beside.append(ChangeDetector(parts.database).run)
