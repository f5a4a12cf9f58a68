"""Records: create, update, remove and read them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from psycopg import errors

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.storage.records import record as contract
from cargo_ai.contract.storage.records.change_set import Kind
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, origin_of
from cargo_ai.domains.storage.models import model, model_catalog
from cargo_ai.domains.storage.models.written_models import WrittenModel, WrittenModels
from cargo_ai.domains.storage.records import single_update
from cargo_ai.domains.storage.records.write import InvalidRecords, ValidatedRecords, Writer, validate_changes, validate_new
from cargo_ai.domains.storage.tables import Model
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import Counted, JsonObject
from cargo_ai.records import incomplete, rows
from cargo_ai.records.catalog import Relation
from cargo_ai.store.driver import Connection, driver_connection

T = TypeVar("T")
Write = Callable[[Writer], Awaitable[T]]
_MODELS = "cargo-ai storage model list"


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateRecord) -> contract.RecordReply:
    """Add a record; the reply has its columns of every kind."""
    written = await _written_model(ctx, contract.create, request.model_uuid)
    relation = written.relation
    validated = validate_new(relation, [request.data], makes_ids=written.makes_ids)
    created = await _create(ctx, contract.create, relation, validated, "data", "write")
    return contract.RecordReply(record=(await _read(ctx, relation, created))[0])


@handles(contract.create_bulk)
async def create_bulk(ctx: Context, request: contract.CreateRecords) -> contract.RecordsReply:
    """Add many records or none."""
    written = await _written_model(ctx, contract.create_bulk, request.model_uuid)
    relation, records = written.relation, [new.data for new in request.records]
    validated = await asyncio.to_thread(validate_new, relation, records, makes_ids=written.makes_ids)
    created = await _create(ctx, contract.create_bulk, relation, validated, "records.{index}.data", "bulk")
    return contract.RecordsReply(records=await _read(ctx, relation, created))


async def _create(
    ctx: Context, operation: Operation[Any, Any, Any], relation: Relation, validated: ValidatedRecords, path: str, kind: Kind
) -> list[str]:
    twice = next((uid for uid, times in Counter(uid for uid, _ in validated.rows).items() if times > 1), None)
    if twice is not None:
        operation.refuse("recordAlreadyExists", id=twice)
    try:
        return await _write(ctx, relation, path, kind, lambda writer: writer.create(validated))
    except errors.UniqueViolation as error:
        # The database names the key as `Key (_id)=(…) already exists.`
        duplicate = (error.diag.message_detail or "").partition("=(")[2].rpartition(") ")[0]
        operation.refuse("recordAlreadyExists", id=duplicate or "with this id")


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateRecord) -> contract.RecordReply:
    """Change columns of an existing record."""
    changed = await single_update.update(ctx, request.model_uuid, request.id, request.data)
    if changed is not None:
        return contract.RecordReply(record=changed)
    relation = (await _written_model(ctx, contract.update, request.model_uuid)).relation
    await _update(ctx, contract.update, relation, [(request.id, request.data)], "data", "write")
    return contract.RecordReply(record=(await _read(ctx, relation, [request.id]))[0])


@handles(contract.update_bulk)
async def update_bulk(ctx: Context, request: contract.UpdateRecords) -> contract.RecordsReply:
    """Change many records or none."""
    relation = (await _written_model(ctx, contract.update_bulk, request.model_uuid)).relation
    changes = [(change.id, change.data) for change in request.records]
    await _update(ctx, contract.update_bulk, relation, changes, "records.{index}.data", "bulk")
    return contract.RecordsReply(records=await _read(ctx, relation, [uid for uid, _ in changes]))


async def _update(
    ctx: Context, operation: Operation[Any, Any, Any], relation: Relation, changes: list[tuple[str, JsonObject]], path: str, kind: Kind
) -> None:
    present = await rows.existing_ids(await driver_connection(ctx.db), relation, [uid for uid, _ in changes], lock=True)
    missing = next((uid for uid, _ in changes if uid not in present), None)
    if missing is not None:
        operation.refuse("recordNotFound", id=missing)
    is_single = len(changes) == 1
    validated = _validate_changes(relation, changes) if is_single else await asyncio.to_thread(_validate_changes, relation, changes)
    await _write(ctx, relation, path, kind, lambda writer: writer.update(validated))


def _validate_changes(relation: Relation, changes: list[tuple[str, JsonObject]]) -> ValidatedRecords:
    """Changes of one record that come one after another are one change of it."""
    merged: dict[str, JsonObject] = {}
    for uid, data in changes:
        merged[uid] = merged.get(uid, {}) | data
    return validate_changes(relation, changes if len(merged) == len(changes) else merged.items())


@handles(contract.remove)
async def remove(ctx: Context, request: contract.ByRecord) -> contract.RemovedRecord:
    """Remove a record; a missing one is not an error."""
    relation = (await _written_model(ctx, contract.remove, request.model_uuid)).relation
    removed = await _writer(ctx, relation, "write").remove([request.id])
    return contract.RemovedRecord(id=request.id, count=len(removed))


@handles(contract.remove_bulk)
async def remove_bulk(ctx: Context, request: contract.RemoveRecords) -> Counted:
    """Remove many records."""
    relation = (await _written_model(ctx, contract.remove_bulk, request.model_uuid)).relation
    return Counted(count=len(await _writer(ctx, relation, "bulk").remove(request.ids)))


@handles(contract.get)
async def get(ctx: Context, request: contract.ByRecord) -> contract.FoundRecord:
    """One record."""
    row, relation = await _model(ctx, contract.get, request.model_uuid)
    records = await _read(ctx, relation, [request.id])
    if not records:
        contract.get.refuse("recordNotFound", id=request.id, fix=f"cargo-ai storage record list --model-uuid {row.uuid}")
    return contract.FoundRecord(record=records[0], is_refreshing=relation.is_refreshing)


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListRecords) -> contract.FoundRecords:
    """A page of records."""
    _, relation = await _model(ctx, contract.get_all, request.model_uuid)
    if request.after is not None:
        records = await rows.records_after(await driver_connection(ctx.db), relation, request.after, request.limit)
        return contract.FoundRecords(records=records, is_refreshing=relation.is_refreshing)
    sort = request.sort or contract.SystemSort()
    records = await rows.page(
        await driver_connection(ctx.db),
        relation,
        limit=request.limit,
        offset=request.offset,
        sort=sort.column_slug,
        descending=sort.kind == "desc",
    )
    return contract.FoundRecords(records=records, is_refreshing=relation.is_refreshing)


def _writer(ctx: Context, relation: Relation, kind: Kind) -> Writer:
    return Writer(ctx.db, ctx.workspace, relation, ctx.settings, ChangeRecorder(ctx.workspace, relation.model, origin_of(ctx, kind)))


async def _write(ctx: Context, relation: Relation, path: str, kind: Kind, act: Write[T]) -> T:
    """Write, and pass warnings on. 400 names every value that does not fit, 409 when the model was changed meanwhile."""
    writer = _writer(ctx, relation, kind)
    try:
        result = await act(writer)
    except InvalidRecords as fault:
        raise fault.refusal(path) from None
    except (errors.UndefinedColumn, errors.UndefinedTable):
        raise Refusal(409, "conflict", "The columns of this model were changed at the same time. Look again and repeat.") from None
    for sentence in writer.warnings:
        ctx.warn(sentence)
    return result


async def _written_model(ctx: Context, operation: Operation[Any, Any, Any], text: str) -> WrittenModel:
    """A model whose records are written: it is looked up alone, without what else there is in the workspace."""
    written = await ctx.services.once(WrittenModels, WrittenModels).find(ctx.db, text)
    if written is None:
        operation.refuse("modelNotFound", uuid=text, fix=_MODELS)
    return written


async def _model(ctx: Context, operation: Operation[Any, Any, Any], text: str) -> tuple[Model, Relation]:
    """A model whose records are shown: columns that lack values are warned about."""
    row = await model.find(ctx.db, text)
    catalog = None if row is None else await model_catalog.catalog(ctx.db, ctx.workspace)
    relation = None if row is None or catalog is None else catalog.by_model(row.uuid)
    if row is None or catalog is None or relation is None:
        operation.refuse("modelNotFound", uuid=text, fix=_MODELS)
    for sentence in incomplete.sentences(catalog, incomplete.of_relation(relation)):
        ctx.warn(sentence)
    return row, relation


async def _read(ctx: Context, relation: Relation, uids: list[str]) -> list[JsonObject]:
    connection: Connection = await driver_connection(ctx.db)
    return await rows.get(connection, relation, uids)
