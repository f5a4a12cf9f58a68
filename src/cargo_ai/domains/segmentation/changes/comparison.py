"""Comparison: compare a segment with its former state, store the change and publish it, in one transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta

from psycopg import errors
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified, set_committed_value

from cargo_ai.context import events
from cargo_ai.domains.segmentation import select_records
from cargo_ai.domains.segmentation.changes import baseline, comparison_sql
from cargo_ai.domains.segmentation.changes.comparison_sql import Snapshot, TrackedColumns
from cargo_ai.domains.segmentation.events import SegmentChanged
from cargo_ai.domains.segmentation.filter_scope import to_saved_filter
from cargo_ai.domains.segmentation.select_records import Selection
from cargo_ai.domains.segmentation.tables import Segment, SegmentChange
from cargo_ai.kernel import clock, log
from cargo_ai.records import ddl
from cargo_ai.records.filter.terms import SavedSegment
from cargo_ai.records.hashing import VERSION
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database, turns_of
from cargo_ai.store.tables import BinItem
from cargo_ai.user_sql.run import conditions

RETAINED_CHANGES = 30
"""This many changes of a segment keep their records."""
RETENTION = timedelta(days=7)
"""Changes younger than this keep them too, so that a receiver of a change can still read it."""
LISTED_CHANGES = 1_000
"""This many changes of a segment are listed."""
QUICK_ROWS = 50_000
"""This many records are compared while the caller waits, in about half a second; of more a job does it. Callers of old read the counts of
the answer."""
LOG_RETENTION = timedelta(days=29)
"""A model's log of touched records is kept for 30 days; a snapshot older than this is compared as a whole."""

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a segment: how many records were added, updated and removed, and how many are in it now (`total`)."""

    uuid: uuid.UUID
    segment_uuid: uuid.UUID
    model_uuid: uuid.UUID
    added: int
    updated: int
    removed: int
    total: int

    @property
    def unchanged(self) -> int:
        """How many were in it before and after, without a difference."""
        return self.total - self.added - self.updated


async def lock(db: AsyncSession, segment: uuid.UUID) -> None:
    """Lock a segment for comparison until the caller's commit."""
    await driver.execute(await driver_connection(db), "select pg_advisory_xact_lock(hashtextextended(%s, 1))", [str(segment)])


async def try_lock(db: AsyncSession, segment: uuid.UUID) -> bool:
    """Lock it if no other transaction has; False otherwise."""
    query = "select pg_try_advisory_xact_lock(hashtextextended(%s, 1))"
    return bool(await driver.value(await driver_connection(db), query, [str(segment)]))


@dataclass(frozen=True, slots=True)
class LockedSegment:
    """A segment that is locked for comparison, with the selection of its records."""

    row: Segment
    saved: SavedSegment
    selection: Selection
    tracked: TrackedColumns


async def lock_segment(db: AsyncSession, segment: uuid.UUID) -> LockedSegment | None:
    """Lock a segment and read its filter; None when there is no such segment. Raises InvalidFilter when it no longer fits the model."""
    await lock(db, segment)
    return await read_segment(db, segment)


async def read_segment(db: AsyncSession, segment: uuid.UUID) -> LockedSegment | None:
    """Read a segment that the caller has locked, or of which it only reads what to compare it by. As `lock_segment`."""
    row = await db.scalar(
        select(Segment).where(Segment.uuid == segment, Segment.deleted_at.is_(None)).execution_options(populate_existing=True)
    )
    if row is None:
        return None
    saved = to_saved_filter(row)
    selection = await select_records.select(db, row.workspace_uuid, row.model_uuid, saved.filter, saved.sort, saved.limit)
    if selection is None:
        return None
    return LockedSegment(row, saved, selection, TrackedColumns.of(selection.relation, row.tracking_column_slugs))


async def lock_and_compare(db: AsyncSession, segment: uuid.UUID, *, empty: bool = False) -> Change | None:
    """Compare a segment with its former state in the session's transaction; None when nothing differs or there is no such segment.

    Without a former state every member was added. `empty`: a change also where nothing differs. Publishes `SegmentChanged`.
    Raises InvalidFilter when the filter no longer fits the model.
    """
    locked = await lock_segment(db, segment)
    return await compare(db, locked, empty=empty) if locked else None


async def compare_if_quick(db: AsyncSession, segment: uuid.UUID) -> None:
    """Do the same where few records are to be looked at and no one else compares the segment; else leave it to a later comparison."""
    locked = await read_segment(db, segment) if await try_lock(db, segment) else None
    if locked is not None and await is_quick(db, locked):
        await compare(db, locked)


@dataclass(frozen=True, slots=True)
class _Basis:
    """What a comparison starts from: the former state, the state that is being seen, and whether the touched records alone matter."""

    before: Snapshot | None
    digest: str
    seen_xmin: str
    seen_snapshot: str
    only_touched: bool


async def _basis(db: AsyncSession, locked: LockedSegment) -> _Basis:
    row, selection, before = locked.row, locked.selection, Snapshot.of(locked.row.snapshot)
    digest = comparison_sql.membership_digest(locked.saved.filter, locked.saved.sort, locked.saved.limit)
    statement = comparison_sql.precheck_statement(selection.relation, before)
    seen_xmin, log_is_incomplete, seen_snapshot = (await driver.fetch(await driver_connection(db), *statement))[0]
    log_has_expired = row.synced_at is None or row.synced_at < clock.now() - LOG_RETENTION
    only_touched = not (log_is_incomplete or log_has_expired or before is None or before.rule != digest) and comparison_sql.is_local(
        locked.saved.filter, selection, locked.tracked
    )
    return _Basis(before, digest, str(seen_xmin), str(seen_snapshot), only_touched)


async def is_quick(db: AsyncSession, locked: LockedSegment) -> bool:
    """Whether a comparison looks at few records: the model has few, or few were touched since the last one."""
    if locked.row.baseline is not None:
        return False
    connection, relation = await driver_connection(db), locked.selection.relation
    if not await ddl.has_more_rows(connection, relation, QUICK_ROWS):
        return True
    basis = await _basis(db, locked)
    if not basis.only_touched or basis.before is None:
        return False
    statement, values = comparison_sql.touched_statement(relation, basis.before, QUICK_ROWS + 1)
    return int(await driver.value(connection, statement, values)) <= QUICK_ROWS


async def compare(db: AsyncSession, locked: LockedSegment, *, empty: bool = False, into: SegmentChange | None = None) -> Change | None:
    """Compare a locked segment. `empty`: as `lock_and_compare`; `into`: the change that was announced for it."""
    if locked.row.baseline is not None and not await _take_baseline(db, locked, locked.row.baseline) and not empty:
        return None
    return await _compare(db, locked, await _basis(db, locked), empty=empty, into=into)


async def take_snapshot(db: AsyncSession, locked: LockedSegment) -> None:
    """Keep what is in a locked segment now, and report no change: only what differs from it later is one."""
    await _compare(db, locked, await _basis(db, locked), quiet=True)
    locked.row.baseline = None


async def take_snapshot_later(db: AsyncSession, segment: Segment) -> None:
    """Note this moment: the next comparison finds what was in the segment at it, and reports what differs since."""
    flag_modified(segment, "updated_at")
    segment.baseline_at = clock.now()
    segment.baseline = str(await driver.value(await driver_connection(db), baseline.MOMENT))
    await db.flush()


async def _take_baseline(db: AsyncSession, locked: LockedSegment, moment: str) -> bool:
    """Take the snapshot of a moment that has passed; returns whether records were written since."""
    basis = await _basis(db, locked)
    then = replace(basis, seen_xmin=moment.partition(":")[0], seen_snapshot=moment)
    try:
        async with db.begin_nested():
            await _compare(db, replace(locked, selection=baseline.rewind(locked.selection, moment)), then, quiet=True)
    except errors.DataError as error:
        # A column was given another type, which a former value does not fit.
        _log.warning("what was written since a segment began to be watched is not known", segment=str(locked.row.uuid), cause=str(error))
        await _compare(db, locked, basis, quiet=True)
    # Who began and ended to watch it meanwhile did not wait for this, and counts from another moment.
    taken = (
        update(Segment)
        .where(Segment.uuid == locked.row.uuid, Segment.baseline == moment)
        .values(baseline=None, updated_at=Segment.updated_at)
    )
    await db.execute(taken.execution_options(synchronize_session=False))
    set_committed_value(locked.row, "baseline", None)
    return await baseline.was_written(await driver_connection(db), locked.selection.relation, moment)


async def _compare(
    db: AsyncSession, locked: LockedSegment, basis: _Basis, *, quiet: bool = False, empty: bool = False, into: SegmentChange | None = None
) -> Change | None:
    row, selection, tracked = locked.row, locked.selection, locked.tracked
    before, only_touched, connection = basis.before, basis.only_touched, await driver_connection(db)
    no = await next_number(db, row.uuid, into)
    if not only_touched:
        await driver.execute(connection, "set local work_mem = '64MB'")
    statement, params = comparison_sql.compare_statement(
        selection, tracked, before, touched=only_touched, noted=not quiet, counted=into is not None
    )
    async with conditions.limit(turns_of(db), connection, selection.scope):
        params |= selection.scope.params | {"segment": row.uuid, "no": no}
        added, updated, removed = (await driver.fetch(connection, statement, params))[0]
    total = (before.members if before else 0) + added - removed
    # `updated_at` is when a user changed the segment: a comparison leaves it.
    flag_modified(row, "updated_at")
    row.synced_at = clock.now()
    row.snapshot = Snapshot(
        VERSION, tracked.names, tracked.every, basis.digest, selection.relation.log, basis.seen_xmin, total, basis.seen_snapshot
    ).to_json()
    if quiet or not (added or updated or removed or empty):
        await db.flush()
        return None
    stored = into or SegmentChange(workspace_uuid=row.workspace_uuid, segment_uuid=row.uuid)
    stored.no, stored.since, stored.status = no, before.moment if before else None, "success"
    return await _store_change(db, row, stored, (added, updated, removed, total))


async def next_number(db: AsyncSession, segment: uuid.UUID, announced: SegmentChange | None = None) -> int:
    """The number of the next change of a segment: what was announced gets a new one where others came before it."""
    others = [SegmentChange.segment_uuid == segment, *([] if announced is None else [SegmentChange.uuid != announced.uuid])]
    return int(await db.scalar(select(func.coalesce(func.max(SegmentChange.no), 0)).where(*others)) or 0) + 1


async def _store_change(db: AsyncSession, row: Segment, stored: SegmentChange, counts: tuple[int, int, int, int]) -> Change:
    added, updated, removed, _ = counts
    stored.added_count, stored.updated_count, stored.removed_count, stored.total_count = counts
    db.add(stored)
    await db.flush()
    change = to_change(stored, row.model_uuid)
    counts_by_kind = {"added": added, "updated": updated, "removed": removed, "unchanged": change.unchanged}
    await events.publish(db, SegmentChanged(row.workspace_uuid, row.uuid, stored.uuid, row.model_uuid, row.is_watched, counts_by_kind))
    await _prune_changes(db, row.uuid, stored.no)
    return change


def to_change(row: SegmentChange, model: uuid.UUID) -> Change:
    """The change as other domains see it."""
    return Change(row.uuid, row.segment_uuid, model, row.added_count, row.updated_count, row.removed_count, row.total_count)


async def _prune_changes(db: AsyncSession, segment: uuid.UUID, no: int) -> None:
    """Remove the records of old changes, and changes beyond those that are listed."""
    if no <= RETAINED_CHANGES:
        return
    first = await first_retained(db, segment)
    connection = await driver_connection(db)
    await driver.execute(connection, "delete from public.segment_change_records where segment_uuid = %s and no < %s", [segment, first])
    last_listed = min(no - LISTED_CHANGES, first - 1)
    await db.execute(delete(SegmentChange).where(SegmentChange.segment_uuid == segment, SegmentChange.no <= last_listed))


async def first_retained(db: AsyncSession, segment: uuid.UUID) -> int:
    """The number of the oldest change whose records are kept."""
    of_segment = SegmentChange.segment_uuid == segment
    last = int(await db.scalar(select(func.max(SegmentChange.no)).where(of_segment)) or 0)
    oldest_recent = await db.scalar(
        select(func.min(SegmentChange.no)).where(of_segment, SegmentChange.created_at >= clock.now() - RETENTION)
    )
    return max(1, min(last - RETAINED_CHANGES + 1, int(oldest_recent or last)))


async def forget(db: AsyncSession, segment: uuid.UUID) -> None:
    """Remove the members and change records of a segment that is removed forever."""
    connection = await driver_connection(db)
    for table in ("segment_members", "segment_change_records"):
        await driver.execute(connection, f"delete from public.{table} where segment_uuid = %s", [segment])  # noqa: S608 - a constant
    await driver.execute(connection, "update segments set snapshot = null where uuid = %s", [segment])


async def has_members(db: AsyncSession, segment: uuid.UUID, more_than: int) -> bool:
    """Whether the snapshot of a segment has more records than this."""
    query = "select 1 from public.segment_members where segment_uuid = %s offset %s limit 1"
    return bool(await driver.fetch(await driver_connection(db), query, [segment, more_than]))


async def prune_removed(database: Database) -> None:
    """Do the same for segments that were removed otherwise: by a former version, or with their play, which takes a snapshot when it is
    enabled. One short transaction per segment."""
    in_bin = select(BinItem.uuid).where(BinItem.kind == "segment")
    query = select(Segment.uuid).where(Segment.deleted_at.is_not(None), Segment.snapshot.is_not(None), Segment.uuid.not_in(in_bin))
    async with database.session(ALL_WORKSPACES) as db:
        removed = (await db.scalars(query)).all()
    for segment in removed:
        async with database.session(ALL_WORKSPACES) as db:
            await forget(db, segment)
            await db.commit()
