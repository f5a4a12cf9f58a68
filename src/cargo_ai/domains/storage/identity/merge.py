"""Merges: find duplicates of a model, merge each group into one record, and undo that."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Literal

from psycopg import errors
from sqlalchemy import delete, exists, select

from cargo_ai.context import events
from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.storage.records import merge as contract
from cargo_ai.contract.storage.records.change_set import Kind
from cargo_ai.domains.storage.columns import computed
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, origin_of
from cargo_ai.domains.storage.models import model, model_catalog
from cargo_ai.domains.storage.tables import MergedRecord, MergedReference, Model, RecordMerge
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import ByUuid, JsonObject
from cargo_ai.records import rows
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.merge import matching, relink, statements
from cargo_ai.records.merge.relink import ForeignKey, RelinkResult
from cargo_ai.records.merge.statements import MAX_GROUP_SIZE, DuplicateGroup, MergeCriteria
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

RETENTION = timedelta(days=30)
SHOWN_RECORDS = 1_000
"""At most this many records are shown in one response; further groups come with the next page."""
_COMPARED = {"string", "number", "date", "boolean"}
_MODELS = "cargo-ai storage model list"


@handles(contract.find)
async def find(ctx: Context, request: contract.FindDuplicates) -> contract.DuplicatesReply:
    """A page of groups, with what a merge would make of each."""
    _, relation = await _model(ctx, contract.find, request.uuid)
    which = await _to_criteria(ctx, contract.find, relation, request)
    connection = await driver_connection(ctx.db)
    duplicates = await statements.find_duplicates(connection, relation, which, limit=request.limit, offset=request.offset)
    _warn_of_large(ctx, duplicates.too_large)
    groups: list[contract.DuplicateGroup] = []
    shown = 0
    for group in duplicates.groups:
        shown += len(group.ids)
        if groups and shown > SHOWN_RECORDS:
            ctx.warn(f"Only the first {len(groups)} groups are shown: they have many records. Go on with --offset {len(groups)}.")
            break
        groups.append(preview(relation, group, await rows.get(connection, relation, group.ids)))
    foreign_keys = relink.foreign_keys_to(await model_catalog.catalog(ctx.db, ctx.workspace), relation)
    ids_of = [group.ids for group in duplicates.groups[: len(groups)]]
    relinked = await relink.count_relinked(connection, relation, foreign_keys, ids_of)
    groups = [
        made.model_copy(update={"repointed": [_relinked_to_response(one, count) for one, count in duplicates]})
        for made, duplicates in zip(groups, relinked, strict=True)
    ]
    return contract.DuplicatesReply(groups=groups, groups_count=duplicates.count, duplicates_count=duplicates.duplicates)


def preview(relation: Relation, group: DuplicateGroup, records: Sequence[JsonObject]) -> contract.DuplicateGroup:
    """What a merge of these records (the survivor first) would fill, and where they differ."""
    survivor, others = records[0], records[1:]
    filled: list[contract.FilledColumn] = []
    conflicts: list[contract.Conflict] = []
    for column in statements.fillable_columns(relation):
        value = survivor.get(column.slug)
        alternatives = [record for record in others if not is_empty(record.get(column.slug))]
        if is_empty(value) and alternatives:
            value = alternatives[0][column.slug]
            filled.append(contract.FilledColumn(column_slug=column.slug, value=value, from_id=str(alternatives[0]["_id"])))
        differing = [
            contract.OtherValue(id=str(record["_id"]), value=record[column.slug]) for record in alternatives if record[column.slug] != value
        ]
        if differing:
            conflicts.append(contract.Conflict(column_slug=column.slug, kept=value, others=differing))
    return contract.DuplicateGroup(
        key=[] if group.key == ("",) else list(group.key),
        records_count=len(group.ids),
        survivor_id=str(survivor["_id"]),
        records=list(records),
        filled=filled,
        conflicts=conflicts,
        repointed=[],
    )


def _relinked_to_response(foreign_key: ForeignKey, count: int) -> contract.Repointed:
    return contract.Repointed(model_uuid=str(foreign_key.relation.model), column_slug=foreign_key.path.column.slug, count=count)


def is_empty(value: Any) -> bool:
    """Whether a value is empty, so that a merge may fill it."""
    return value is None or value in ("", [], {})


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateMerge) -> contract.MergedReply:
    """Merge the first groups, in one transaction."""
    row, relation = await _model(ctx, contract.create, request.model_uuid)
    which = await _to_criteria(ctx, contract.create, relation, request)
    connection, now = await driver_connection(ctx.db), clock.now()
    stored = RecordMerge(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        model_uuid=row.uuid,
        user_uuid=ctx.who.user_uuid,
        rule={"by": request.by, "ids": request.ids, "survivor": request.survivor, "survivorId": request.survivor_id},
        groups_count=0,
        removed_count=0,
        repointed_count=0,
        created_at=now,
    )
    ctx.db.add(stored)
    await ctx.db.flush()
    merged = await statements.merge(connection, relation, which, request.limit, uid=stored.uuid, workspace=ctx.workspace, now=now)
    if not merged.groups:
        contract.create.refuse("noDuplicates")
    stored.groups_count, stored.removed_count = merged.groups, len(merged.removed)
    await _recompute(ctx, relation, merged.filled)
    # By this time an undo knows whether the survivor was changed since.
    await statements.set_updated_at(connection, relation, merged.filled, now)
    await events.publish(ctx.db, RecordsChanged(ctx.workspace, relation.model))
    foreign_keys = relink.foreign_keys_to(await model_catalog.catalog(ctx.db, ctx.workspace), relation)
    relinked = await relink.relink(connection, relation, foreign_keys, uid=stored.uuid, workspace=ctx.workspace, now=now)
    await _note(ctx, relation, "merge", relinked, updated=len(merged.filled), removed=len(merged.removed))
    await _finish_relinking(ctx, relinked, stored.uuid)
    stored.repointed_count = sum(one.count for one in relinked)
    await ctx.db.flush()
    _warn_of_large(ctx, merged.too_large)
    responses = [_relinked_to_response(result.foreign_key, result.count) for result in relinked]
    return contract.MergedReply(merge=to_response(stored), groups_left=merged.left, repointed=responses)


async def _finish_relinking(ctx: Context, moved: Sequence[RelinkResult], merge: uuid.UUID) -> None:
    """Compute columns of relinked records, which leaves their `_updated_at`, and publish the change."""
    connection = await driver_connection(ctx.db)
    for one in {one.foreign_key.relation.model: one.foreign_key.relation for one in moved}.values():
        if computed.ComputedColumns.of(one).columns:
            async with aclosing(relink.relinked_records(connection, one, merge)) as pages:
                async for page in pages:
                    await _recompute(ctx, one, [uid for uid, _ in page])
                    await relink.set_updated_at(connection, one, page)
    for one in moved:
        await events.publish(ctx.db, RecordsChanged(ctx.workspace, one.foreign_key.relation.model))


def to_response(row: RecordMerge) -> contract.Merge:
    """The merge on the wire."""
    return contract.Merge(
        uuid=str(row.uuid),
        model_uuid=str(row.model_uuid),
        user_uuid=str(row.user_uuid),
        by=row.rule.get("by"),
        ids=row.rule.get("ids"),
        survivor=str(row.rule["survivor"]),
        survivor_id=row.rule.get("survivorId"),
        groups_count=row.groups_count,
        removed_count=row.removed_count,
        repointed_count=row.repointed_count,
        created_at=row.created_at,
        undone_at=row.undone_at,
    )


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListMerges) -> contract.MergesReply:
    """A page of the merges of the workspace or of one model, newest first."""
    query = select(RecordMerge).order_by(RecordMerge.uuid.desc()).limit(request.limit).offset(request.offset)
    if request.model_uuid is not None:
        model_row = await model.find(ctx.db, request.model_uuid)
        model_row = found_or_refuse(contract.get_all, model_row, "modelNotFound", uuid=request.model_uuid, fix=_MODELS)
        query = query.where(RecordMerge.model_uuid == model_row.uuid)
    return contract.MergesReply(merges=[to_response(row) for row in await ctx.db.scalars(query)])


@handles(contract.undo)
async def undo(ctx: Context, request: ByUuid) -> contract.MergeReply:
    """Restore the removed records and the references to them, and empty what was filled. What was changed since keeps its newer values."""
    row = await ctx.db.scalar(select(RecordMerge).where(RecordMerge.uuid == ids.parse(request.uuid)).with_for_update())
    row = found_or_refuse(contract.undo, row, "mergeNotFound", uuid=request.uuid, fix="cargo-ai storage merge list")
    if row.undone_at is not None:
        contract.undo.refuse("mergeAlreadyUndone")
    if not await ctx.db.scalar(select(exists().where(MergedRecord.merge_uuid == row.uuid))):
        contract.undo.refuse("mergeTooOld")
    model_row = await model.find(ctx.db, str(row.model_uuid), lock=True)
    catalog = await model_catalog.catalog(ctx.db, ctx.workspace)
    relation = None if model_row is None else catalog.by_model(model_row.uuid)
    relation = found_or_refuse(contract.undo, relation, "modelNotFound")
    connection, now = await driver_connection(ctx.db), clock.now()
    duplicate = await statements.find_recreated(connection, relation, row.uuid)
    if duplicate is not None:
        contract.undo.refuse("recordAlreadyExists", id=duplicate)
    foreign_keys = await relink.relinked_foreign_keys(connection, catalog, row.uuid)
    try:
        back = await relink.undo(connection, foreign_keys, uid=row.uuid, merged_at=row.created_at, now=now)
        undone = await statements.undo(connection, relation, row.uuid, row.created_at, now)
    except errors.DataError as error:
        contract.undo.refuse("modelHasChanged", problem=(error.diag.message_primary or "a value does not fit").rstrip("."))
    reverted = len(undone.reverted) + len(undone.changed_since)
    await _note(ctx, relation, "undo", back, added=len(undone.restored), updated=reverted)
    await _recompute(ctx, relation, [*undone.restored, *undone.reverted, *undone.changed_since])
    await statements.restore_updated_at(connection, relation, row.uuid, [*undone.restored, *undone.reverted])
    await _finish_relinking(ctx, back, row.uuid)
    if undone.changed_since:
        ctx.warn(f"{len(undone.changed_since):,} records were changed after the merge: they keep what was written since.")
    if undone.restored or undone.reverted or undone.changed_since:
        await events.publish(ctx.db, RecordsChanged(ctx.workspace, relation.model))
    row.undone_at = now
    await ctx.db.flush()
    return contract.MergeReply(merge=to_response(row))


async def _note(
    ctx: Context, relation: Relation, kind: Kind, moved: Sequence[RelinkResult], *, added: int = 0, updated: int = 0, removed: int = 0
) -> None:
    """Have the history of records know who merged them: one change set for each model."""
    connection = await driver_connection(ctx.db)
    recorders: dict[uuid.UUID, ChangeRecorder] = {}

    def recorder(model: uuid.UUID) -> ChangeRecorder:
        return recorders.setdefault(model, ChangeRecorder(ctx.workspace, model, origin_of(ctx, kind, source="merge")))

    await recorder(relation.model).note(connection, added=added, updated=updated, removed=removed)
    for result in moved:
        await recorder(result.foreign_key.relation.model).note(connection, updated=result.count)


async def _recompute(ctx: Context, relation: Relation, uids: Sequence[str]) -> None:
    for sentence in await computed.refresh(await driver_connection(ctx.db), relation, uids, ctx.workspace):
        ctx.warn(sentence)


async def _model(ctx: Context, operation: Operation[Any, Any, Any], text: str) -> tuple[Model, Relation]:
    row = await model.find(ctx.db, text)
    relation = None if row is None else (await model_catalog.catalog(ctx.db, ctx.workspace)).by_model(row.uuid)
    if row is None or relation is None:
        operation.refuse("modelNotFound", uuid=text, fix=_MODELS)
    return row, relation


async def _to_criteria(
    ctx: Context, operation: Operation[Any, Any, Any], relation: Relation, request: contract.WhichDuplicates
) -> MergeCriteria:
    if (request.by is None) == (request.ids is None):
        operation.refuse("matchingNotPossible", problem="Say what makes records duplicates: columns with --by, or records with --ids.")
    if request.survivor_id is not None and request.survivor_id not in (request.ids or ()):
        operation.refuse("matchingNotPossible", problem="The survivor is one of the records of --ids; with --by, choose a rule instead.")
    if request.ids is not None:
        there = await rows.existing_ids(await driver_connection(ctx.db), relation, request.ids)
        missing = next((uid for uid in request.ids if uid not in there), None)
        if missing is not None:
            operation.refuse("recordNotFound", id=missing)
        if len(set(request.ids)) < 2:
            operation.refuse("matchingNotPossible", problem="Name at least two different records.")
    by = tuple(_validate_columns(operation, relation, text) for text in request.by or ())
    if request.by is not None and not by:
        operation.refuse("matchingNotPossible", problem="Name at least one column.")
    return MergeCriteria(by, None if request.ids is None else tuple(dict.fromkeys(request.ids)), request.survivor, request.survivor_id)


def _validate_columns(operation: Operation[Any, Any, Any], relation: Relation, text: str) -> tuple[Column, matching.Matching]:
    """A column and how it is compared, from `column` or `column:matching`."""
    slug, _, how = text.partition(":")
    column = relation.column(slug)
    if column is None:
        near = difflib.get_close_matches(slug, [one.slug for one in relation.columns], 1, 0.6)
        operation.refuse("columnNotFound", slug=slug + (f"; did you mean {near[0]}?" if near else ""))
    if not column.stored or column.type not in _COMPARED:
        problem = f"Records cannot be compared by {slug}: it is a {column.kind} column of {column.type}."
        operation.refuse("matchingNotPossible", problem=problem)
    if how and how not in matching.MATCHINGS:
        operation.refuse("matchingNotPossible", problem=f"There is no matching {how}; there are {', '.join(matching.MATCHINGS)}.")
    plain: Literal["exact"] = "exact"
    chosen = how if how else matching.guess_matching(column.slug) if column.type == "string" else plain
    return column, chosen


def _warn_of_large(ctx: Context, count: int) -> None:
    if count:
        ctx.warn(f"{count:,} values are shared by more than {MAX_GROUP_SIZE:,} records each: they were left out as too frequent.")


async def prune(database: Database) -> None:
    """Forget what merges of more than 30 days ago had removed."""
    async with database.session(ALL_WORKSPACES) as db:
        old = select(RecordMerge.uuid).where(RecordMerge.created_at < clock.now() - RETENTION)
        await db.execute(delete(MergedRecord).where(MergedRecord.merge_uuid.in_(old)))
        await db.execute(delete(MergedReference).where(MergedReference.merge_uuid.in_(old)))
        await db.commit()
