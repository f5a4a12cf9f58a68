"""Change sets: list what was written into models, and show which records changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.storage.records import change_set as contract
from cargo_ai.domains.storage.models import model, model_catalog
from cargo_ai.domains.storage.tables import ChangeSet, ChangeSetWrite
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import ByUuid
from cargo_ai.records.catalog import Relation
from cargo_ai.records.history import entries
from cargo_ai.records.history.entries import RecordChange
from cargo_ai.store.driver import driver_connection

_LIST = "cargo-ai storage change-set list"
_MODELS = "cargo-ai storage model list"
Counts = tuple[int, int, int]


def to_response(row: ChangeSet, counts: Counts) -> contract.ChangeSet:
    """The change set on the wire."""
    added, updated, removed = counts
    return contract.ChangeSet.model_validate(
        {
            "uuid": row.uuid,
            "modelUuid": row.model_uuid,
            "kind": row.kind,
            "source": row.source,
            "userUuid": row.user_uuid,
            "tokenUuid": row.token_uuid,
            "workflowUuid": row.workflow_uuid,
            "batchUuid": row.batch_uuid,
            "runUuid": row.run_uuid,
            "addedCount": added,
            "updatedCount": updated,
            "removedCount": removed,
            "undoesUuid": row.undoes_uuid,
            "undoneByUuid": row.undone_by_uuid,
            "createdAt": row.created_at,
        }
    )


async def to_responses(ctx: Context, rows: Sequence[ChangeSet]) -> list[contract.ChangeSet]:
    """Change sets with the number of records that each wrote."""
    sums = [func.sum(column) for column in (ChangeSetWrite.added, ChangeSetWrite.updated, ChangeSetWrite.removed)]
    of_rows = ChangeSetWrite.change_set_uuid.in_([row.uuid for row in rows])
    query = select(ChangeSetWrite.change_set_uuid, *sums).where(of_rows).group_by(ChangeSetWrite.change_set_uuid)
    counts: dict[Any, Counts] = {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in await ctx.db.execute(query)}
    return [to_response(row, counts.get(row.uuid, (0, 0, 0))) for row in rows]


def _has_written() -> Any:
    """The change set of a batch is there before its first write."""
    return exists().where(ChangeSetWrite.change_set_uuid == ChangeSet.uuid)


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListChangeSets) -> contract.ChangeSetsReply:
    """A page of the change sets of the workspace or of one model, newest first."""
    query = select(ChangeSet).where(_has_written()).order_by(ChangeSet.uuid.desc())
    if request.model_uuid is not None:
        row = await model.find(ctx.db, request.model_uuid)
        row = found_or_refuse(contract.get_all, row, "modelNotFound", uuid=request.model_uuid, fix=_MODELS)
        query = query.where(ChangeSet.model_uuid == row.uuid)
    if request.kinds:
        query = query.where(ChangeSet.kind.in_(request.kinds))
    rows = (await ctx.db.scalars(query.limit(request.limit).offset(request.offset))).all()
    return contract.ChangeSetsReply(change_sets=await to_responses(ctx, rows))


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.ChangeSetReply:
    """One change set."""
    row = await find(ctx, contract.get, request.uuid)
    return contract.ChangeSetReply(change_set=(await to_responses(ctx, [row]))[0])


@handles(contract.list_records)
async def list_records(ctx: Context, request: contract.ListChangedRecords) -> contract.ChangedRecordsReply:
    """A page of the records that a change set wrote, by id."""
    row = await find(ctx, contract.list_records, request.uuid)
    relation = await relation_of(ctx, contract.list_records, row)
    connection = await driver_connection(ctx.db)
    page = await entries.changed_ids(connection, relation, row.uuid, row.records_at, limit=request.limit, offset=request.offset)
    changes = [change for change in await entries.changes_of(connection, relation, page) if change.change_set == row.uuid]
    return contract.ChangedRecordsReply(records=[changed_to_response(change) for change in changes])


def changed_to_response(change: RecordChange) -> contract.ChangedRecord:
    """A change of a record on the wire."""
    before, after = change.before or {}, change.after or {}
    columns = [
        contract.ChangedColumn(column_slug=slug, before=before.get(slug), after=after.get(slug))
        for slug in (before if change.change == "updated" else ())
        if not slug.startswith("_")
    ]
    return contract.ChangedRecord.model_validate(
        {
            "id": change.record,
            "change": change.change,
            "changes": [column.to_wire() for column in columns],
            "record": change.before if change.change == "removed" else None,
            "runUuid": change.run,
            "changedAt": change.at,
        }
    )


async def find(ctx: Context, operation: Operation[Any, Any, Any], uid: str, *, lock: bool = False) -> ChangeSet:
    """A change set of the workspace that has written, or the operation's refusal."""
    query = select(ChangeSet).where(ChangeSet.uuid == ids.parse(uid), _has_written())
    row = await ctx.db.scalar(query.with_for_update() if lock else query)
    return found_or_refuse(operation, row, "changeSetNotFound", uuid=uid, days=ctx.settings.history_days, fix=_LIST)


async def relation_of(ctx: Context, operation: Operation[Any, Any, Any], row: ChangeSet) -> Relation:
    """The model of a change set, or the operation's refusal."""
    relation = (await model_catalog.catalog(ctx.db, ctx.workspace)).by_model(row.model_uuid)
    return found_or_refuse(operation, relation, "modelNotFound")
