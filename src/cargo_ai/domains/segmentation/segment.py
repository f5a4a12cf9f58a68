"""Segments: create, show, update and remove saved segments; fetch and download records by filter."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.context.removal.named_users import NamedUsers
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.segmentation import segment as contract
from cargo_ai.contract.segmentation.change import Change
from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.domains.segmentation import segment_bin, select_records
from cargo_ai.domains.segmentation.changes import dependencies, watched_segments
from cargo_ai.domains.segmentation.changes.change import latest_changes
from cargo_ai.domains.segmentation.filter_scope import to_saved_filter
from cargo_ai.domains.segmentation.tables import Segment
from cargo_ai.domains.storage import public as storage
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import ByUuid
from cargo_ai.records import incomplete
from cargo_ai.records.catalog import Catalog
from cargo_ai.records.filter import compile
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store.driver import driver_connection

_MODELS = "cargo-ai storage model list"
SLOW_SECONDS = 0.25
"""When counting takes this long, an index is proposed."""
MAX_COUNTED, MAX_COUNTED_LATE, COUNTING_SECONDS = 100_000, 1_000, 2.0
"""A list counts the records of each segment up to the first number, as does saving one, and up to the second once it has counted for so
long."""


def to_response(row: Segment, count: int, last: Change | None, *, is_exact: bool = True) -> contract.Segment:
    """The segment on the wire. One that was never compared with an earlier state has neither `syncedAt` nor a last change."""
    return contract.Segment(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        user_uuid=str(row.user_uuid),
        model_uuid=str(row.model_uuid),
        slug=row.slug,
        name=row.name,
        filter=row.filter,
        sort=row.sort,
        limit=row.limit,
        records_count=count,
        is_records_count_exact=is_exact,
        from_play=row.from_play,
        tracking_column_slugs=row.tracking_column_slugs,
        column_slugs=row.column_slugs,
        synced_at=row.synced_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
        last_change=last.to_wire() if last else None,
    )


async def find(db: AsyncSession, text: str) -> Segment | None:
    """A segment that has not been removed."""
    uid = ids.parse(text)
    if uid is None:
        return None
    return await db.scalar(select(Segment).where(Segment.uuid == uid, Segment.deleted_at.is_(None)))


async def _with_count(
    ctx: Context,
    row: Segment,
    last: Mapping[uuid.UUID, Change] | None = None,
    catalog: Catalog | None = None,
    up_to: int | None = None,
) -> contract.Segment:
    """The segment with its live count, which stops at `up_to`. When its filter no longer fits the model, it is 0, with a warning."""
    if up_to == 0:
        return to_response(row, 0, (last or {}).get(row.uuid), is_exact=False)
    try:
        selection = await _select(ctx, str(row.model_uuid), *_saved_parts(row), catalog)
        count, is_exact = await _count(ctx, selection, up_to) if selection else (0, True)
    except InvalidFilter as error:
        ctx.warn(f"The filter of segment {row.name} no longer fits its model: {error}")
        count, is_exact = 0, True
    if last is None:
        last = await latest_changes(ctx.db, [row.uuid])
    return to_response(row, count, last.get(row.uuid), is_exact=is_exact)


async def _count(ctx: Context, selection: select_records.Selection, up_to: int | None = None) -> tuple[int, bool]:
    async with ctx.db.begin_nested():
        # A condition that fails breaks only this savepoint.
        return await select_records.count(ctx.db, selection, up_to)


async def _saved_response(ctx: Context, row: Segment, selection: select_records.Selection) -> contract.SegmentReply:
    """The segment as it was saved, its records counted as in a list; when counting took long, a warning proposes an index. Raises
    InvalidFilter when a condition in SQL cannot be evaluated."""
    started, last = clock.seconds(), await latest_changes(ctx.db, [row.uuid])
    count, is_exact = await _count(ctx, selection, MAX_COUNTED)
    response = to_response(row, count, last.get(row.uuid), is_exact=is_exact)
    seconds = clock.seconds() - started
    if seconds >= SLOW_SECONDS:
        filter, sort, _ = _saved_parts(row)
        command = await storage.propose_index(ctx.db, selection.catalog, selection.relation, filter, sort)
        if command is not None:
            ctx.warn(f"Counting this segment took {seconds:.1f} s. An index would make it fast: {command}")
    return contract.SegmentReply(segment=response)


async def _select(
    ctx: Context, model: str, filter: Filter, sort: Any, limit: int | None, catalog: Catalog | None = None
) -> select_records.Selection | None:
    uid = ids.parse(model)
    selection = await select_records.select(ctx.db, ctx.workspace, uid, filter, sort, limit, catalog) if uid else None
    if selection is not None:
        ordered = [order.column_slug for order in sort or ()]
        read = dependencies.columns_in(selection.catalog, selection.relation, filter, ordered)
        for sentence in (*selection.scope.warnings, *incomplete.sentences(selection.catalog, sorted(read))):
            ctx.warn(sentence)
    return selection


def _warn_of_incomplete(ctx: Context, selection: select_records.Selection) -> None:
    """Warn of columns of the records that lack values."""
    for sentence in incomplete.sentences(selection.catalog, incomplete.of_relation(selection.relation)):
        ctx.warn(sentence)


async def _select_or_refuse(
    ctx: Context,
    operation: Operation[Any, Any, Any],
    request: contract.CreateSegment | contract.FetchSegment | contract.DownloadSegment,
) -> select_records.Selection:
    try:
        selection = await _select(ctx, request.model_uuid, request.filter, request.sort, request.limit)
    except InvalidFilter as error:
        operation.refuse("invalidFilter", part=error.part, cause=str(error))
    return found_or_refuse(operation, selection, "modelNotFound", uuid=request.model_uuid, fix=_MODELS)


def _saved_parts(row: Segment) -> tuple[Filter, Any, int | None]:
    saved = to_saved_filter(row)
    return saved.filter, saved.sort, saved.limit


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateSegment) -> contract.SegmentReply:
    """Save a segment: its filter must fit the model now."""
    selection = await _select_or_refuse(ctx, contract.create, request)
    _validate_columns(contract.create, selection, request.tracking_column_slugs, request.column_slugs)
    row = Segment(
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        model_uuid=selection.relation.model,
        slug=await _unique_slug(ctx.db, request.name),
        name=request.name,
        filter=request.filter.to_wire(),
        sort=[order.to_wire() for order in request.sort] if request.sort else None,
        limit=request.limit,
        tracking_column_slugs=request.tracking_column_slugs,
        column_slugs=request.column_slugs,
    )
    ctx.db.add(row)
    await ctx.db.flush()
    await _record_usages(ctx, row, selection, request.filter)
    try:
        return await _saved_response(ctx, row, selection)
    except InvalidFilter as error:
        contract.create.refuse("invalidFilter", part=error.part, cause=str(error))


async def _record_usages(ctx: Context, row: Segment, selection: select_records.Selection, filter: Filter) -> None:
    """Store what a segment uses: its model, and the segments, models and columns that it names."""
    used = dependencies.columns_in(selection.catalog, selection.relation, filter, dependencies.listed_columns(row))
    targets = [(storage.MODEL, row.model_uuid)]
    targets += [("segment", uid) for text in compile.segments_in(filter) if (uid := ids.parse(text))]
    targets += [(storage.MODEL, model) for model in dependencies.related_models_in(filter) if selection.catalog.by_model(model) is not None]
    targets += [(storage.COLUMN, storage.column_key(model, slug)) for model, slug in used]
    await usages.replace(ctx.db, ctx.workspace, "segment", row.uuid, targets)


async def _unique_slug(db: AsyncSession, name: str) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:80] or "segment"
    taken = set(await db.scalars(select(Segment.slug).where(Segment.deleted_at.is_(None), Segment.slug.startswith(base, autoescape=True))))
    slug, number = base, 2
    while slug in taken:
        slug, number = f"{base}_{number}", number + 1
    return slug


def _validate_columns(operation: Any, selection: select_records.Selection, *lists: list[str] | None) -> None:
    for slugs in lists:
        for slug in slugs or ():
            if selection.relation.column(slug) is None:
                operation.refuse("invalidFilter", part="list of columns", cause=f"model {selection.relation.slug} has no column {slug!r}.")


@handles(contract.get)
async def get(ctx: Context, request: contract.GetSegment) -> contract.SegmentReply:
    """A segment and how many records it has now."""
    row = await find(ctx.db, request.uuid)
    row = found_or_refuse(contract.get, row, "segmentNotFound", uuid=request.uuid, fix="cargo-ai segmentation segment list")
    return contract.SegmentReply(segment=await _with_count(ctx, row, up_to=request.count_up_to))


@handles(contract.all_)
async def all_(ctx: Context, request: contract.ListSegments) -> contract.SegmentsReply:
    """The segments, newest first."""
    query = select(Segment).where(Segment.deleted_at.is_(None)).order_by(Segment.uuid.desc())
    if request.model_uuid is not None:
        model = ids.parse(request.model_uuid)
        if model is None or not await storage.model_exists(ctx.db, model):
            contract.all_.refuse("modelNotFound", uuid=request.model_uuid, fix=_MODELS)
        query = query.where(Segment.model_uuid == model)
    if request.from_play is not None:
        query = query.where(Segment.from_play == request.from_play)
    rows = (await ctx.db.scalars(query)).all()
    last = await latest_changes(ctx.db, [row.uuid for row in rows])
    catalog = await storage.catalog(ctx.db, ctx.workspace)
    ends, segments = clock.seconds() + COUNTING_SECONDS, list[contract.Segment]()
    for row in rows:
        up_to = MAX_COUNTED if clock.seconds() < ends else MAX_COUNTED_LATE
        up_to = up_to if request.count_up_to is None else min(up_to, request.count_up_to)
        segments.append(await _with_count(ctx, row, last, catalog, up_to))
    return contract.SegmentsReply(segments=segments)


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateSegment) -> contract.SegmentReply:
    """Change the fields that are given; null clears an optional one."""
    row = found_or_refuse(contract.update, await find(ctx.db, request.uuid), "segmentNotFound", uuid=request.uuid)
    if row.from_play:
        contract.update.refuse("segmentLinkedToWorkflow", uuid=request.uuid, users="the play that owns it")
    return await apply_update(ctx, row, request)


async def apply_update(ctx: Context, row: Segment, request: contract.UpdateSegment) -> contract.SegmentReply:
    """Change a segment as the request says; refuses through `segment update`."""
    fields = request.model_fields_set
    if "filter" in fields and request.filter is None:
        ctx.warn(f"A segment always has a filter: it stays as it was. {contract.EVERYTHING} has all records.")
    filter = request.filter if request.filter is not None else to_saved_filter(row).filter
    sort = request.sort if "sort" in fields else to_saved_filter(row).sort
    limit = request.limit if "limit" in fields else row.limit
    try:
        selection = await _select(ctx, str(row.model_uuid), filter, sort, limit)
        await _refuse_circular(ctx, row, filter)
    except InvalidFilter as error:
        contract.update.refuse("invalidFilter", part=error.part, cause=str(error))
    selection = found_or_refuse(contract.update, selection, "segmentNotFound", uuid=request.uuid)
    _validate_columns(contract.update, selection, request.tracking_column_slugs, request.column_slugs)
    row.name = request.name or row.name
    row.filter = filter.to_wire()
    row.sort = [order.to_wire() for order in sort] if sort else None
    row.limit = limit
    if "tracking_column_slugs" in fields:
        row.tracking_column_slugs = request.tracking_column_slugs
    if "column_slugs" in fields:
        row.column_slugs = request.column_slugs
    row.updated_at = clock.now()
    await ctx.db.flush()
    await _record_usages(ctx, row, selection, filter)
    await watched_segments.invalidate(ctx.db, row)
    try:
        return await _saved_response(ctx, row, selection)
    except InvalidFilter as error:
        contract.update.refuse("invalidFilter", part=error.part, cause=str(error))


async def _refuse_circular(ctx: Context, row: Segment, filter: Filter) -> None:
    """Raises InvalidFilter when the filter would lead back to the segment itself."""
    seen: set[str] = set()
    pending = compile.segments_in(filter)
    while pending:
        if str(row.uuid) in pending:
            raise InvalidFilter("the segment would contain itself.")
        seen |= pending
        uuids = [uid for text in pending if (uid := ids.parse(text))]
        rows = await ctx.db.scalars(select(Segment).where(Segment.uuid.in_(uuids)))
        pending = {name for segment in rows for name in compile.segments_in(to_saved_filter(segment).filter)} - seen


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> RemovedToBin:
    """Remove a segment that nothing uses: it goes to the bin."""
    uid = ids.parse(request.uuid)
    row = await ctx.db.scalar(select(Segment).where(Segment.uuid == uid)) if uid else None
    row = found_or_refuse(contract.remove, row, "segmentNotFound", uuid=request.uuid)
    if row.deleted_at is not None:
        contract.remove.refuse("segmentAlreadyRemoved", uuid=request.uuid)
    users = await NamedUsers.of(ctx, await usages.used_by(ctx.db, "segment", row.uuid))
    if users.who or row.from_play:
        owner = users.sentence or "the play that owns it"
        details = {"users": users.details}
        contract.remove.refuse("segmentLinkedToWorkflow", uuid=request.uuid, users=owner, details=details, fix=users.fix)
    return await segment_bin.hide(ctx, row)


@handles(contract.fetch)
async def fetch(ctx: Context, request: contract.FetchSegment) -> contract.RecordsReply:
    """A page of records with their count, which is exact unless it was to stop at a limit."""
    selection = await _select_or_refuse(ctx, contract.fetch, request)
    _warn_of_incomplete(ctx, selection)
    if request.enrich:
        await storage.enrich(ctx, selection.relation)
    refreshing = await (_start_refresh if request.sync else storage.is_refreshing)(ctx.db, selection.relation.model)
    try:
        records = await select_records.fetch(ctx.db, selection, request.fetching_limit, request.fetching_offset)
        count, exact = await select_records.count(ctx.db, selection, request.count_up_to)
    except InvalidFilter as error:
        contract.fetch.refuse("invalidFilter", part=error.part, cause=str(error))
    return contract.RecordsReply(
        records=records, count=count, is_count_exact=exact, columns=selection.wire_columns(), is_refreshing=refreshing
    )


async def _start_refresh(db: AsyncSession, model: uuid.UUID) -> bool:
    """Start a refresh of a model that has a source; returns whether one is under way. The records in this reply are from before it."""
    with suppress(storage.CannotRefresh):
        await storage.start_refresh(db, model)
    return await storage.is_refreshing(db, model)


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadSegment) -> DownloadReply:
    """The URL of a file with all records."""
    _warn_of_incomplete(ctx, await _select_or_refuse(ctx, contract.download, request))
    params = request.model_dump(mode="json", by_alias=True, exclude={"format"})
    return DownloadReply.of(exports.sign(ctx, "segment", params, request.format))


@handles(contract.fetch_records)
async def fetch_records(ctx: Context, request: contract.FetchRecords) -> contract.FoundRecords:
    """The records with these ids, in that order; missing ones are left out."""
    everything = Filter(conjonction="and", groups=[])
    selection = await _select(ctx, request.model_uuid, everything, None, None)
    selection = found_or_refuse(contract.fetch_records, selection, "modelNotFound", uuid=request.model_uuid)
    records = await select_records.fetch_by_ids(await driver_connection(ctx.db), selection, request.ids)
    return contract.FoundRecords(records=records)
