"""Changes: a segment compared with its former state, in one transaction with the word about it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from cargo_ai.context import events
from cargo_ai.context.plugins import Parts, plugin
from cargo_ai.domains.segmentation import comparison_sql, select_records
from cargo_ai.domains.segmentation.comparison_sql import Snapshot, TrackedColumns
from cargo_ai.domains.segmentation.events import SegmentChanged
from cargo_ai.domains.segmentation.filter_scope import to_saved_filter
from cargo_ai.domains.segmentation.select_records import Selection
from cargo_ai.domains.segmentation.tables import Segment, SegmentChange
from cargo_ai.kernel import clock
from cargo_ai.records.filter.terms import SavedSegment
from cargo_ai.records.hashing import VERSION
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.user_sql.run import conditions

RETAINED_CHANGES = 30
"""So many changes of a segment keep their records."""
RETENTION = timedelta(days=7)
"""And those that are younger, so that nobody who was told of a change comes too late."""
LISTED_CHANGES = 1_000
LOG_RETENTION = timedelta(days=29)
"""A log of touched records is kept for 30 days."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a comparison has found: how many records were added, updated, removed, stayed as they were, and are members now."""

    uuid: uuid.UUID
    segment_uuid: uuid.UUID
    model_uuid: uuid.UUID
    added: int
    updated: int
    removed: int
    total: int

    @property
    def unchanged(self) -> int:
        """Members before and after without a difference."""
        return self.total - self.added - self.updated


async def lock(db: AsyncSession, segment: uuid.UUID) -> None:
    """Only one comparison of a segment at a time, until the caller's commit."""
    await driver.execute(await driver_connection(db), "select pg_advisory_xact_lock(hashtextextended(%s, 1))", [str(segment)])


async def try_lock(db: AsyncSession, segment: uuid.UUID) -> bool:
    """The same where somebody else may be at it: False then."""
    query = "select pg_try_advisory_xact_lock(hashtextextended(%s, 1))"
    return bool(await driver.value(await driver_connection(db), query, [str(segment)]))


@dataclass(frozen=True, slots=True)
class LockedSegment:
    """A segment that is locked for a comparison, and its records as they are."""

    row: Segment
    kept: SavedSegment
    found: Selection
    tracked: TrackedColumns


async def lock_segment(db: AsyncSession, segment: uuid.UUID) -> LockedSegment | None:
    """Lock a segment and read its filter anew; None when there is no such segment. Raises InvalidFilter when that no longer fits."""
    await lock(db, segment)
    row = await db.scalar(
        select(Segment).where(Segment.uuid == segment, Segment.deleted_at.is_(None)).execution_options(populate_existing=True)
    )
    if row is None:
        return None
    kept = to_saved_filter(row)
    found = await select_records.select(db, row.workspace_uuid, row.model_uuid, kept.filter, kept.sort, kept.limit)
    return LockedSegment(row, kept, found, TrackedColumns.of(found.relation, row.tracking_column_slugs)) if found else None


async def lock_and_compare(db: AsyncSession, segment: uuid.UUID, *, empty: bool = False) -> Change | None:
    """Compare a segment with its former state in the session's transaction; None when nothing differs or there is no such segment.

    Without a former state every member was added. `empty`: a change also where nothing differs. Says `SegmentChanged`.
    Raises InvalidFilter when the filter no longer fits the model.
    """
    one = await lock_segment(db, segment)
    return await compare(db, one, empty=empty) if one else None


async def compare(db: AsyncSession, one: LockedSegment, *, quiet: bool = False, empty: bool = False) -> Change | None:
    """The comparison itself. `quiet`: only take the state, no change comes of it."""
    row, found, tracked, before = one.row, one.found, one.tracked, Snapshot.of(one.row.snapshot)
    rule = comparison_sql.membership_digest(one.kept.filter, one.kept.sort, one.kept.limit)
    connection = await driver_connection(db)
    seen, everything, moment = (await driver.fetch(connection, *comparison_sql.precheck_statement(found.relation, before)))[0]
    old = row.synced_at is None or row.synced_at < clock.now() - LOG_RETENTION
    touched = not (everything or old or before is None or before.rule != rule) and comparison_sql.is_local(one.kept.filter, found, tracked)
    no = int(await db.scalar(select(func.coalesce(func.max(SegmentChange.no), 0)).where(SegmentChange.segment_uuid == row.uuid)) or 0) + 1
    if not touched:
        await driver.execute(connection, "set local work_mem = '64MB'")
    statement, params = comparison_sql.compare_statement(found, tracked, before, touched=touched, noted=not quiet)
    async with conditions.limit_conditions(connection, found.scope):
        added, updated, removed = (await driver.fetch(connection, statement, params | {"segment": row.uuid, "no": no}))[0]
    total = (before.members if before else 0) + added - removed
    # A segment that was looked at has not been changed by anybody.
    flag_modified(row, "updated_at")
    row.synced_at = clock.now()
    row.snapshot = Snapshot(VERSION, tracked.names, tracked.every, rule, found.relation.log, str(seen), total, str(moment)).to_json()
    if quiet or not (added or updated or removed or empty):
        await db.flush()
        return None
    return await _store_change(db, row, no, (added, updated, removed, total), before.moment if before else None)


async def _store_change(db: AsyncSession, row: Segment, no: int, counts: tuple[int, int, int, int], since: str | None) -> Change:
    added, updated, removed, total = counts
    made = SegmentChange(
        workspace_uuid=row.workspace_uuid,
        segment_uuid=row.uuid,
        no=no,
        added_count=added,
        updated_count=updated,
        removed_count=removed,
        total_count=total,
        since=since,
    )
    db.add(made)
    await db.flush()
    found = to_change(made, row.model_uuid)
    counts_by_kind = {"added": added, "updated": updated, "removed": removed, "unchanged": found.unchanged}
    await events.publish(db, SegmentChanged(row.workspace_uuid, row.uuid, made.uuid, row.model_uuid, row.is_watched, counts_by_kind))
    await _prune_changes(db, row.uuid, no)
    return found


def to_change(row: SegmentChange, model: uuid.UUID) -> Change:
    """The change as other rooms see it."""
    return Change(row.uuid, row.segment_uuid, model, row.added_count, row.updated_count, row.removed_count, row.total_count)


async def _prune_changes(db: AsyncSession, segment: uuid.UUID, no: int) -> None:
    """Let go of the records of old changes, and of changes that nobody pages back to."""
    if no <= RETAINED_CHANGES:
        return
    kept = await first_retained(db, segment)
    connection = await driver_connection(db)
    await driver.execute(connection, "delete from public.segment_change_records where segment_uuid = %s and no < %s", [segment, kept])
    old = min(no - LISTED_CHANGES, kept - 1)
    await db.execute(delete(SegmentChange).where(SegmentChange.segment_uuid == segment, SegmentChange.no <= old))


async def first_retained(db: AsyncSession, segment: uuid.UUID) -> int:
    """The number of the oldest change whose records are still there."""
    mine = SegmentChange.segment_uuid == segment
    last = int(await db.scalar(select(func.max(SegmentChange.no)).where(mine)) or 0)
    young = await db.scalar(select(func.min(SegmentChange.no)).where(mine, SegmentChange.created_at >= clock.now() - RETENTION))
    return max(1, min(last - RETAINED_CHANGES + 1, int(young or last)))


async def prune_removed(database: Database) -> None:
    """Let go of what is kept of removed segments. One short transaction per segment."""
    async with database.session(ALL_WORKSPACES) as db:
        gone = (await db.scalars(select(Segment.uuid).where(Segment.deleted_at.is_not(None), Segment.snapshot.is_not(None)))).all()
    for segment in gone:
        async with database.session(ALL_WORKSPACES) as db:
            connection = await driver_connection(db)
            for table in ("segment_members", "segment_change_records"):
                await driver.execute(connection, f"delete from public.{table} where segment_uuid = %s", [segment])  # noqa: S608 - a constant
            await driver.execute(connection, "update segments set snapshot = null where uuid = %s", [segment])
            await db.commit()


@plugin
def plug(parts: Parts) -> None:
    """Let workers sweep once an hour."""
    parts.hourly.append(lambda: prune_removed(parts.database))
