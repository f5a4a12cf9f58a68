"""Comparison job: compare a segment with many records in the background, for a request that was answered before."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import background_work
from cargo_ai.domains.segmentation.changes import comparison, comparison_sql
from cargo_ai.domains.segmentation.changes.comparison import LockedSegment
from cargo_ai.domains.segmentation.tables import Segment, SegmentChange
from cargo_ai.engine.dispatch.queue import goes_on, producer
from cargo_ai.engine.journal import crash_points
from cargo_ai.kernel import clock, log, tasks
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store import quotas
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.driver import driver_connection, value
from cargo_ai.store.session import Database

TASK = "segmentation.compare"
UNFINISHED = ("pending", "running")
SHOW_SECONDS = 1.0
MAX_TRIES = 10
"""How often a worker may begin the same comparison: those before it died."""

_log = log.get(__name__)


async def find_unfinished(db: AsyncSession, segment: uuid.UUID) -> uuid.UUID | None:
    """The change of a segment that is still to be found."""
    return await db.scalar(select(SegmentChange.uuid).where(SegmentChange.segment_uuid == segment, SegmentChange.status.in_(UNFINISHED)))


async def announce(db: AsyncSession, segment: Segment) -> SegmentChange:
    """Store a change that is still to be found, and have a worker find it. The segment is locked."""
    row = SegmentChange(workspace_uuid=segment.workspace_uuid, segment_uuid=segment.uuid, status="pending")
    row.no = await comparison.next_number(db, segment.uuid)
    row.added_count = row.updated_count = row.removed_count = row.total_count = 0
    db.add(row)
    await db.flush()
    names = {"workspace": str(segment.workspace_uuid), "change": str(row.uuid)}
    # One of a workspace at a time, so that others find a slot.
    await producer().defer_in_turn(await driver_connection(db), TASK, "interactive", f"{TASK} {segment.workspace_uuid}", **names)
    return row


class CannotCompare(Exception):
    """The announced change cannot be found; the message says why."""


class ComparisonJob:
    """The job: one comparison is one transaction, so that a worker that takes it over finds all of it or nothing done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @goes_on
    async def run(self, workspace: str, change: str) -> None:
        """Find an announced change; one that has ended stays as it is."""
        here, uid = uuid.UUID(workspace), uuid.UUID(change)
        try:
            begin = partial(background_work.begin, self._database, here, SegmentChange, uid, noun="comparison", most=MAX_TRIES)
            if await retry_until_available("begin a comparison", begin):
                await retry_until_available("compare a segment", lambda: self._compare(here, uid))
            return
        except asyncio.CancelledError:
            await background_work.leave(self._database, here, SegmentChange, uid)
            raise
        except (CannotCompare, background_work.TooManyTries) as fault:
            sentence = str(fault)
        except InvalidFilter as fault:
            sentence = f"The filter of the segment no longer fits its model: {fault}"
        except Exception as error:
            _log.exception("a comparison failed", change=change, cause=f"{type(error).__name__}: {error}"[:300])
            sentence = "The comparison failed on our side. Compare the segment again; the server's log says more."
        await retry_until_available("end a comparison", lambda: self._fail(here, uid, sentence))

    async def _compare(self, here: uuid.UUID, uid: uuid.UUID) -> None:
        async with self._database.turns.take(here), self._database.session(here) as db:
            segment = await db.scalar(select(SegmentChange.segment_uuid).where(SegmentChange.uuid == uid))
            locked = None if segment is None else await comparison.lock_segment(db, segment)
            if locked is None:
                raise CannotCompare("The segment or its model was removed.")
            if locked.row.is_watched:
                raise CannotCompare("A play that runs on its changes was enabled: the segment is compared whenever records are written.")
            row = await db.scalar(select(SegmentChange).where(SegmentChange.uuid == uid).execution_options(populate_existing=True))
            if row is None or row.status not in UNFINISHED:
                return
            async with self._shown(here, uid, locked, (await driver_connection(db)).info.backend_pid):
                await comparison.compare(db, locked, empty=True, into=row)
            await _notify(db, uid)
            crash_points.point("before comparison commit")
            await db.commit()
            crash_points.point("after comparison commit")

    @asynccontextmanager
    async def _shown(self, here: uuid.UUID, uid: uuid.UUID, locked: LockedSegment, process: int) -> AsyncGenerator[None]:
        """Show meanwhile how many records the session of that process has read and stored."""
        showing = asyncio.ensure_future(self._show(here, uid, locked.row.model_uuid, process))
        try:
            yield
        finally:
            await tasks.cancel(showing)

    async def _show(self, here: uuid.UUID, uid: uuid.UUID, model: uuid.UUID, process: int) -> None:
        with suppress(*DATABASE_UNAVAILABLE):
            while True:
                await self.note_progress(here, uid, model, process)
                await asyncio.sleep(SHOW_SECONDS)

    async def note_progress(self, here: uuid.UUID, uid: uuid.UUID, model: uuid.UUID, process: int) -> None:
        """Write down how far it is, outside of its transaction, which has not touched the change yet."""
        async with self._database.session(here) as db:
            connection = await driver_connection(db)
            total = await quotas.used_by(connection, here, "records", str(model))
            done = await value(connection, comparison_sql.DONE_SO_FAR, [process]) or 0
            unfinished = update(SegmentChange).where(SegmentChange.uuid == uid, SegmentChange.status.in_(UNFINISHED))
            await db.execute(unfinished.values(records_done=done, records_total=max(total, done)))
            await db.commit()

    async def _fail(self, here: uuid.UUID, uid: uuid.UUID, sentence: str) -> None:
        async with self._database.session(here) as db:
            unfinished = update(SegmentChange).where(SegmentChange.uuid == uid, SegmentChange.status.in_(UNFINISHED))
            await db.execute(unfinished.values(status="error", error_message=sentence, updated_at=clock.now()))
            await _notify(db, uid)
            await db.commit()


async def _notify(db: AsyncSession, uid: uuid.UUID) -> None:
    """Notify requests that wait for the change, when the session's transaction commits."""
    await db.execute(text("select pg_notify('cargo_done', :change)"), {"change": str(uid)})
