"""Changes of segments: compare on request, list and show changes, fetch and download their records."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from sqlalchemy import and_, not_, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export, Record
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.process import Services
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.segmentation import change as contract
from cargo_ai.contract.segmentation.segment import RecordColumn
from cargo_ai.domains.segmentation.changes import change_records, comparison, comparison_job
from cargo_ai.domains.segmentation.changes.change_records import ChangeQuery
from cargo_ai.domains.segmentation.tables import Segment, SegmentChange
from cargo_ai.domains.storage import public as storage
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import ByUuid
from cargo_ai.records import rows
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store.driver import driver_connection

PAGE = 1_000
_CHANGES = "cargo-ai segmentation change list"
_SEGMENTS = "cargo-ai segmentation segment list"
_KIND = Column("_kind", "string", "system", "Kind")


def to_response(row: SegmentChange) -> contract.Change:
    """The change on the wire."""
    return contract.Change(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        segment_uuid=str(row.segment_uuid),
        slug=f"change_{row.no}",
        total_records_count=row.total_count,
        updated_records_count=row.updated_count,
        removed_records_count=row.removed_count,
        added_records_count=row.added_count,
        unchanged_records_count=row.total_count - row.added_count - row.updated_count,
        status=cast("contract.ChangeStatus", row.status),
        error_message=row.error_message,
        records_done=row.records_done if row.status == "running" else None,
        records_total=row.records_total if row.status == "running" else None,
        created_at=row.created_at,
    )


async def latest_changes(db: AsyncSession, segments: Sequence[uuid.UUID]) -> dict[uuid.UUID, contract.Change]:
    """The newest change of each segment that was found."""
    of_segments = select(SegmentChange).where(SegmentChange.segment_uuid.in_(segments), SegmentChange.status == "success")
    latest = of_segments.ext(distinct_on(SegmentChange.segment_uuid)).order_by(SegmentChange.segment_uuid, SegmentChange.no.desc())
    return {row.segment_uuid: to_response(row) for row in await db.scalars(latest)}


async def find(db: AsyncSession, text: str) -> SegmentChange | None:
    """A change of the session's workspace."""
    uid = ids.parse(text)
    return await db.scalar(select(SegmentChange).where(SegmentChange.uuid == uid)) if uid else None


async def _find_segment(db: AsyncSession, text: str) -> Segment | None:
    uid = ids.parse(text)
    return await db.scalar(select(Segment).where(Segment.uuid == uid, Segment.deleted_at.is_(None))) if uid else None


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateChange) -> contract.ChangeReply:
    """Compare a segment; the change is there also where nothing differs. Where there is much to compare, a job does it."""
    row = await _find_segment(ctx.db, request.segment_uuid)
    row = found_or_refuse(contract.create, row, "segmentNotFound", uuid=request.segment_uuid, fix=_SEGMENTS)
    if row.is_watched:
        contract.create.refuse("segmentLinkedToWorkflow", uuid=request.segment_uuid, fix=f"{_CHANGES} --segment-uuid {row.uuid}")
    under_way = await comparison_job.find_unfinished(ctx.db, row.uuid)
    if under_way is not None:
        contract.create.refuse("changeAlreadyRunning", uuid=request.segment_uuid, fix=f"cargo-ai segmentation change get {under_way}")
    if not await comparison.try_lock(ctx.db, row.uuid):
        contract.create.refuse("changeAlreadyRunning", uuid=request.segment_uuid, fix=f"{_CHANGES} --segment-uuid {row.uuid}")
    try:
        locked = await comparison.lock_segment(ctx.db, row.uuid)
        locked = found_or_refuse(contract.create, locked, "segmentNotFound", uuid=request.segment_uuid)
        if not await comparison.is_quick(ctx.db, locked):
            announced = await comparison_job.announce(ctx.db, locked.row)
            ctx.warn(f"The segment is large and compared in the background: cargo-ai segmentation change get {announced.uuid} shows it.")
            return contract.ChangeReply(change=to_response(announced))
        change = await comparison.compare(ctx.db, locked, empty=True)
    except InvalidFilter as error:
        contract.create.refuse("invalidFilter", cause=str(error), fix=f"cargo-ai segmentation segment get {row.uuid}")
    stored = await find(ctx.db, str(change.uuid)) if change else None
    stored = found_or_refuse(contract.create, stored, "segmentNotFound", uuid=request.segment_uuid)
    return contract.ChangeReply(change=to_response(stored))


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.ChangeReply:
    """One change."""
    row = found_or_refuse(contract.get, await find(ctx.db, request.uuid), "changeNotFound", uuid=request.uuid, fix=_CHANGES)
    return contract.ChangeReply(change=to_response(row))


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListChanges) -> contract.ChangesReply:
    """Changes, newest first."""
    row = SegmentChange
    query = select(row).order_by(row.uuid.desc()).limit(request.limit).offset(request.offset)
    if request.segment_uuid is not None:
        segment = await _find_segment(ctx.db, request.segment_uuid)
        segment = found_or_refuse(contract.list_, segment, "segmentNotFound", uuid=request.segment_uuid, fix=_SEGMENTS)
        query = query.where(row.segment_uuid == segment.uuid)
    if request.not_empty is not None:
        differs = or_(row.added_count > 0, row.updated_count > 0, row.removed_count > 0)
        query = query.where(differs if request.not_empty else not_(differs))
    if request.has_records is not None:
        unchanged = row.total_count - row.added_count - row.updated_count
        counts = {"added": row.added_count, "updated": row.updated_count, "removed": row.removed_count, "unchanged": unchanged}
        query = query.where(and_(counts[request.has_records] > 0))
    return contract.ChangesReply(changes=[to_response(change) for change in await ctx.db.scalars(query)])


@handles(contract.fetch)
async def fetch(ctx: Context, request: contract.FetchChange) -> contract.ChangeRecords:
    """A page of the records of some kinds."""
    row, query, relation = await _find_with_records(ctx, contract.fetch, request.uuid, request.kinds)
    connection = await driver_connection(ctx.db)
    page = await change_records.page(connection, query, request.limit, request.offset)
    response = to_response(row).to_wire()
    return contract.ChangeRecords(
        records=await change_records.read_records(connection, relation, page),
        count=sum(int(response[f"{kind}RecordsCount"]) for kind in query.kinds),
        columns=[
            RecordColumn(slug=column.slug, type=column.type, label=column.label or column.slug, model_uuid=str(relation.model))
            for column in (_KIND, *rows.all_columns(relation))
        ],
    )


async def _find_with_records(
    ctx: Context, operation: Operation[Any, Any, Any], text: str, kinds: Sequence[contract.ChangeKind]
) -> tuple[SegmentChange, ChangeQuery, Relation]:
    row = await find(ctx.db, text)
    row = found_or_refuse(operation, row, "changeNotFound", uuid=text, cause="there is no such change.", fix=_CHANGES)
    segment = await ctx.db.scalar(select(Segment).where(Segment.uuid == row.segment_uuid, Segment.deleted_at.is_(None)))
    relation = await storage.relation(ctx.db, segment.model_uuid) if segment else None
    if relation is None:
        operation.refuse("segmentNotFound", uuid=row.segment_uuid)
    if row.status != "success":
        cause = row.error_message or "its comparison has not ended yet."
        operation.refuse("changeNotFound", uuid=text, cause=cause, fix=f"cargo-ai segmentation change get {row.uuid}")
    if row.no < await comparison.first_retained(ctx.db, row.segment_uuid):
        cause = f"only those of the last {comparison.RETAINED_CHANGES} changes and of the last {comparison.RETENTION.days} days are kept."
        operation.refuse("changeNotFound", uuid=text, cause=cause, fix=f"{_CHANGES} --segment-uuid {row.segment_uuid}")
    return row, ChangeQuery(row.segment_uuid, row.no, tuple(dict.fromkeys(kinds))), relation


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadChange) -> DownloadReply:
    """The URL of a file with all records of some kinds."""
    row, query, _ = await _find_with_records(ctx, contract.download, request.uuid, request.kinds)
    return DownloadReply.of(exports.sign(ctx, "change", {"uuid": str(row.uuid), "kinds": list(query.kinds)}, request.format))


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The records in the order of their ids. Each page is read in its own short session."""
    async with services.database.session(workspace) as db:
        row = await find(db, str(params.get("uuid")))
        segment = await db.scalar(select(Segment).where(Segment.uuid == row.segment_uuid)) if row else None
        relation = await storage.relation(db, segment.model_uuid) if segment else None
    if row is None or relation is None:
        raise Refusal(404, "changeNotFound", "The change of this download, or its model, has been removed.")
    query, shown_relation = ChangeQuery(row.segment_uuid, row.no, tuple(params["kinds"])), relation

    async def pages() -> AsyncIterator[list[Record]]:
        last: str | None = None
        while True:
            async with services.database.session(workspace) as db:
                connection = await driver_connection(db)
                page = await change_records.page_after(connection, query, last, PAGE)
                records: list[Record] = list(await change_records.read_records(connection, shown_relation, page)) if page else []
            if not page:
                return
            last = page[-1][0]
            yield records

    columns = (_KIND, *rows.all_columns(shown_relation))
    return Export(
        pages(),
        [column.slug for column in columns],
        f"changes-{shown_relation.slug}-{row.no}",
        types={column.slug: column.type for column in columns},
    )
