"""Public interface of segmentation: saved segments and filters, their records for batches, and their changes.

To react to changes, call `watch` and subscribe to `SegmentChanged` (context/events.py): it is published within a second of a
committed write, once per change, in the transaction that stores the change. Nothing is published when time passes: a segment whose filter
has relative dates, or conditions on runs, is compared at the next write of its records, or when its owner calls `compute_change`, by a
schedule say.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.segmentation.change import ChangeKind
from cargo_ai.contract.segmentation.filter import Filter, Sort
from cargo_ai.domains.segmentation import batch_chunks, select_records
from cargo_ai.domains.segmentation.changes import comparison, watched_segments
from cargo_ai.domains.segmentation.changes.change_records import ChangeQuery
from cargo_ai.domains.segmentation.changes.comparison import Change
from cargo_ai.domains.segmentation.changes.comparison_sql import STORED_SNAPSHOTS
from cargo_ai.domains.segmentation.changes.exclude_self_caused import exclude_self_caused, last_excluded_at
from cargo_ai.domains.segmentation.events import SegmentChanged
from cargo_ai.domains.segmentation.filter_scope import to_saved_filter
from cargo_ai.domains.segmentation.model_scope import ModelScope, model_scope, within
from cargo_ai.domains.segmentation.play_segment import (
    create_play_segment,
    forget_play_segment,
    remove_play_segment,
    restore_play_segment,
    update_play_segment,
)
from cargo_ai.domains.segmentation.tables import Segment, SegmentChange
from cargo_ai.domains.segmentation.unfinished import UnfinishedComparison, still_read, unfinished
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch.enumerate import Chunks, SourceFailed
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store.session import Database

__all__ = [
    "STORED_SNAPSHOTS",
    "Change",
    "InvalidFilter",
    "ModelScope",
    "SegmentChanged",
    "SegmentInfo",
    "UnfinishedComparison",
    "ValidatedFilter",
    "change_chunks",
    "compute_change",
    "compute_small_change",
    "count_filter",
    "count_from_now",
    "count_segment",
    "create_play_segment",
    "exclude_self_caused",
    "filter_chunks",
    "find_change",
    "find_segment",
    "forget_play_segment",
    "last_excluded_at",
    "model_scope",
    "record_chunks",
    "remove_play_segment",
    "restore_play_segment",
    "segment_chunks",
    "still_read",
    "unfinished",
    "unwatch",
    "update_play_segment",
    "validate_filter",
    "watch",
    "within",
]


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """A saved segment of the session's workspace. `from_play`: a play owns it."""

    uuid: uuid.UUID
    model_uuid: uuid.UUID
    name: str
    filter: Filter
    sort: Sort
    limit: int | None
    from_play: bool
    is_watched: bool


@dataclass(frozen=True, slots=True)
class ValidatedFilter:
    """A filter that was checked against its model; `warnings`: sentences about conditions that match nothing."""

    filter: Filter
    sort: Sort
    warnings: list[str]


async def find_segment(db: AsyncSession, uid: uuid.UUID) -> SegmentInfo | None:
    """A segment that has not been removed."""
    row = await db.scalar(select(Segment).where(Segment.uuid == uid, Segment.deleted_at.is_(None)))
    if row is None:
        return None
    saved = to_saved_filter(row)
    return SegmentInfo(row.uuid, row.model_uuid, row.name, saved.filter, saved.sort, saved.limit, row.from_play, row.is_watched)


async def validate_filter(
    db: AsyncSession, workspace: uuid.UUID, model: uuid.UUID, raw: JsonObject | None, sort: Sequence[JsonObject] | None = None
) -> ValidatedFilter | None:
    """Check a filter from a request: the usual form, one flat condition, or None for all records.

    None when there is no such model. Raises InvalidFilter with a sentence for the user.
    """
    relation = await storage.relation(db, model)
    if relation is None:
        return None
    filter, order = batch_chunks.parse_filter(relation, raw, sort)
    selection = await select_records.select(db, workspace, model, filter, order, None)
    return ValidatedFilter(filter, order, selection.scope.warnings if selection else [])


async def filter_chunks(
    database: Database,
    workspace: uuid.UUID,
    model: uuid.UUID,
    source: tuple[JsonObject | None, Sequence[JsonObject] | None, int | None],
    batch: uuid.UUID,
    skip: int,
) -> Chunks:
    """The records of a filter for a batch. `source`: (filter, sort, limit) as the batch's data has them. Raises SourceFailed."""
    async with database.session(workspace) as db:
        relation = await storage.relation(db, model)
    if relation is None:
        raise SourceFailed("The model of this batch has been removed.")
    try:
        filter, sort = batch_chunks.parse_filter(relation, source[0], source[1])
    except InvalidFilter as error:
        raise SourceFailed(f"The filter cannot be used: {error}") from None
    selection = await batch_chunks.select_for_batch(database, workspace, model, filter, sort, source[2])
    async for chunk in batch_chunks.selection_chunks(database, workspace, selection, batch, skip):
        yield chunk


async def count_filter(
    database: Database, workspace: uuid.UUID, model: uuid.UUID, source: tuple[JsonObject | None, Sequence[JsonObject] | None, int | None]
) -> int:
    """How many records `wanted_chunks` would give. Raises SourceFailed."""
    async with database.session(workspace) as db:
        relation = await storage.relation(db, model)
    if relation is None:
        raise SourceFailed("The model has been removed.")
    try:
        filter, sort = batch_chunks.parse_filter(relation, source[0], source[1])
    except InvalidFilter as error:
        raise SourceFailed(f"The filter cannot be used: {error}") from None
    return await _count(database, workspace, await batch_chunks.select_for_batch(database, workspace, model, filter, sort, source[2]))


async def count_segment(database: Database, workspace: uuid.UUID, uid: uuid.UUID) -> int:
    """How many records `segment_chunks` would give. Raises SourceFailed."""
    async with database.session(workspace) as db:
        info = await find_segment(db, uid)
    if info is None:
        raise SourceFailed("The segment has been removed.")
    selection = await batch_chunks.select_for_batch(database, workspace, info.model_uuid, info.filter, info.sort, info.limit)
    return await _count(database, workspace, selection)


async def _count(database: Database, workspace: uuid.UUID, selection: select_records.Selection) -> int:
    async with database.turns.take(workspace), database.session(workspace) as db:
        try:
            return (await select_records.count(db, selection))[0]
        except InvalidFilter as error:
            raise SourceFailed(f"The filter cannot be used: {error}") from None


async def segment_chunks(database: Database, workspace: uuid.UUID, uid: uuid.UUID, batch: uuid.UUID, skip: int) -> Chunks:
    """The records of a segment for a batch's source. Raises SourceFailed."""
    async with database.session(workspace) as db:
        info = await find_segment(db, uid)
    if info is None:
        raise SourceFailed("The segment of this batch has been removed.")
    selection = await batch_chunks.select_for_batch(database, workspace, info.model_uuid, info.filter, info.sort, info.limit)
    async for chunk in batch_chunks.selection_chunks(database, workspace, selection, batch, skip):
        yield chunk


def record_chunks(database: Database, workspace: uuid.UUID, model: uuid.UUID, uids: Sequence[str], batch: uuid.UUID, skip: int) -> Chunks:
    """The records of these ids for a batch's source, each once; those that are not there are left out. Raises SourceFailed."""
    return batch_chunks.record_chunks(database, workspace, model, uids, batch, skip)


async def watch(db: AsyncSession, segment_uuid: uuid.UUID, *, afresh: bool = True) -> bool:
    """Begin watching a segment, in the session's transaction; nothing when it is so already, or there is no such segment.

    `afresh`: no change is reported, also after a pause: only what differs later is one; else what differs from the last snapshot is, too.
    Where there is much to look at, a worker does it: returns whether it is left to one. What is written meanwhile counts.
    Raises InvalidFilter when the filter does not fit the model.
    """
    return await watched_segments.begin(db, segment_uuid, afresh=afresh)


async def unwatch(db: AsyncSession, segment_uuid: uuid.UUID, *, forget: bool) -> None:
    """End watching a segment, in the session's transaction; nothing when it is so already, or there is no such segment.

    `forget`: changes that no comparison has found yet will not be asked for.
    """
    await watched_segments.end(db, segment_uuid, forget=forget)


async def count_from_now(db: AsyncSession, segment_uuid: uuid.UUID) -> bool:
    """Let the next comparison report what differs from now, as `watch` does, for a segment that is not watched."""
    return await watched_segments.count_from_now(db, segment_uuid)


async def compute_change(db: AsyncSession, segment_uuid: uuid.UUID) -> Change | None:
    """Compare a segment with its state at the last comparison, in the session's transaction; publishes `SegmentChanged`.

    None when nothing differs or there is no such segment. A segment that was never compared had no records: all are added.
    Raises InvalidFilter when the filter no longer fits the model.
    """
    return await comparison.lock_and_compare(db, segment_uuid)


async def compute_small_change(db: AsyncSession, segment_uuid: uuid.UUID) -> None:
    """Do the same where there is little to look at; else a later comparison finds it."""
    await comparison.compare_if_quick(db, segment_uuid)


async def find_change(db: AsyncSession, change_uuid: uuid.UUID) -> Change | None:
    """A change of the session's workspace that was found and whose records are kept."""
    row = (
        await db.execute(
            select(SegmentChange, Segment.model_uuid)
            .join(Segment, Segment.uuid == SegmentChange.segment_uuid)
            .where(SegmentChange.uuid == change_uuid, SegmentChange.status == "success")
        )
    ).one_or_none()
    if row is None or row[0].no < await comparison.first_retained(db, row[0].segment_uuid):
        return None
    return comparison.to_change(row[0], row[1])


async def change_chunks(
    database: Database,
    workspace: uuid.UUID,
    change_uuid: uuid.UUID,
    kinds: Sequence[ChangeKind],
    batch: uuid.UUID,
    skip: int,
    *,
    own: bool = True,
) -> Chunks:
    """The records of a change for a batch's source, as they are now, each with its `_kind`; of one that is gone only `_id`.

    `own`: also those that were excluded as self-caused. Raises SourceFailed.
    """
    async with database.session(workspace) as db:
        row = await db.scalar(select(SegmentChange).where(SegmentChange.uuid == change_uuid))
        known = await find_change(db, change_uuid)
    if row is None or known is None:
        raise SourceFailed("The records of this change are no longer kept.")
    query = ChangeQuery(row.segment_uuid, row.no, tuple(dict.fromkeys(kinds)), own)
    async for chunk in batch_chunks.change_chunks(database, workspace, known.model_uuid, query, batch, skip):
        yield chunk
