"""Columns of a model: create, update, move, list and remove them."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import events
from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.context.removal.named_users import NamedUsers
from cargo_ai.contract.storage import column as contract
from cargo_ai.contract.storage.columns import AdditionalColumn, ComputedColumn, Filling, ListedColumn, OriginalColumn
from cargo_ai.domains.storage.columns import computed, definition, filling, recompute
from cargo_ai.domains.storage.events import ModelChanged
from cargo_ai.domains.storage.models import model, model_catalog, model_usages
from cargo_ai.domains.storage.models.refreshes import refresh_run
from cargo_ai.domains.storage.tables import Model, StorageRun
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import JsonObject, Removed
from cargo_ai.records import ddl, lookup_triggers, rows
from cargo_ai.records.catalog import Catalog, Column, Relation
from cargo_ai.records.column_kinds import KINDS, InvalidColumn
from cargo_ai.records.names import MAX_COLUMNS, qualify, quote, slug_problem
from cargo_ai.store.driver import driver_connection

_MODELS = "cargo-ai storage model list"
MAX_RESULTS = 100


def to_response(raw: JsonObject, position: int, fill: Filling | None = None) -> ListedColumn:
    """The column on the wire. `fill`: that of the model's columns that lack values."""
    column = ListedColumn.model_validate(raw | {"position": position})
    return column.model_copy(update={"filling": fill}) if fill is not None and column.slug in fill.column_slugs else column


async def to_responses(db: AsyncSession, row: Model) -> list[ListedColumn]:
    """All columns of a model, in their order."""
    fill = await filling.find(db, row.uuid)
    return [to_response(raw, position, fill) for position, raw in enumerate(model_catalog.ordered_columns(row))]


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateColumn) -> contract.ColumnReply:
    """Add a column: a stored one to the table, every one to the view. A computed one is filled at once, or by a job."""
    row = await _lock_model(ctx, contract.create, request.model_uuid)
    column = request.column
    fault = slug_problem(column.slug)
    if fault:
        raise invalid_input([{"path": "column.slug", "message": fault}])
    present = model_catalog.ordered_columns(row)
    if any(str(raw["slug"]).lower() == column.slug.lower() for raw in present):
        contract.create.refuse("duplicateSlug", slug=column.slug, fix=f"cargo-ai storage column list --model-uuid {row.uuid}")
    if len(present) >= MAX_COLUMNS:
        raise invalid_input([{"path": "column", "message": f"a model has at most {MAX_COLUMNS:,} columns"}])
    before = await model_catalog.catalog(ctx.db, ctx.workspace)
    raw = await _validate(ctx, contract.create, before, _relation(before, row), column)
    row.additional_columns = [*row.additional_columns, raw]
    row.column_order = [*(str(raw_column["slug"]) for raw_column in present), column.slug]
    after = _apply_to_catalog(before, row)
    relation = _check_dependencies(contract.create, after, row, column.slug)
    statements = await _ddl_for_new(ctx, row, relation, column.slug)
    if tuple(row.hashed_columns) != relation.hashed:
        # The view has to know what `_hash` covers now.
        after = _apply_to_catalog(before, row)
        relation = _relation(after, row)
    await definition.replace_views(ctx.db, after, [relation], statements)
    fill = await _apply_consequences(ctx, row, before, after, relation, column.slug)
    return await _reply(ctx, row, column.slug, fill)


async def _ddl_for_new(ctx: Context, row: Model, relation: Relation, slug: str) -> list[str]:
    """The statements for a stored column. Where the table is small, `_hash` covers it at once."""
    column = relation.column(slug)
    if column is None or not column.stored:
        return []
    statements = [
        f"drop view if exists {qualify(relation.schema, relation.view)}",
        *ddl.add_columns(relation, [column]),
        ddl.track_changes(relation),
    ]
    if await ddl.is_small(await driver_connection(ctx.db), relation):
        statements += ddl.rehash(relation)
        row.hashed_columns = [stored.slug for stored in relation.stored_columns]
    return statements


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateColumn) -> contract.ColumnReply:
    """Replace the definition of a column. Its kind stays; its type stays where it has values."""
    row = await _lock_model(ctx, contract.update, request.model_uuid)
    column = request.column
    before = await model_catalog.catalog(ctx.db, ctx.workspace)
    relation = _relation(before, row)
    known = relation.column(column.slug)
    if known is None or known.kind == "system":
        contract.update.refuse("columnNotFound", slug=column.slug, fix=f"cargo-ai storage column list --model-uuid {row.uuid}")
    if known.kind != column.kind:
        raise invalid_input([{"path": "column.kind", "message": f"{known.slug} is a {known.kind} column and stays one"}])
    if isinstance(column, OriginalColumn):
        row.columns = [_with_label(raw, column) if raw["slug"] == known.slug else raw for raw in row.columns]
        await ctx.db.flush()
        return await _reply(ctx, row, known.slug)
    raw = await _validate(ctx, contract.update, before, relation, column)
    row.additional_columns = [raw if raw_column["slug"] == known.slug else raw_column for raw_column in row.additional_columns]
    after = _apply_to_catalog(before, row)
    changed = _check_dependencies(contract.update, after, row, known.slug)
    statements = await _ddl_for_type(ctx, row, before, relation, changed, known)
    after = _apply_to_catalog(before, row)
    await definition.replace_views(ctx.db, after, _affected(after, row.uuid, known.slug), statements)
    fill = await _apply_consequences(ctx, row, before, after, _relation(after, row), known.slug)
    return await _reply(ctx, row, known.slug, fill)


def _with_label(raw: JsonObject, column: OriginalColumn) -> JsonObject:
    return raw | {"label": column.label or raw["label"]} | ({"description": column.description} if column.description is not None else {})


async def _ddl_for_type(ctx: Context, row: Model, before: Catalog, relation: Relation, changed: Relation, known: Column) -> list[str]:
    """The statements for another type of a stored column: only where no value is lost and no other column reads it."""
    column = changed.column(known.slug)
    if column is None or column.type == known.type or not known.stored:
        return []
    if known.writable:
        query = f"select _id from {ddl.table_name(relation)} where {quote(known.slug)} is not null limit 1"  # noqa: S608 - quoted
        if await rows.exists(await driver_connection(ctx.db), query):
            message = f"{known.slug} has values of type {known.type}: make a column of another name for {column.type}"
            raise invalid_input([{"path": "column.type", "message": message}])
    readers = definition.readers(before, (relation.model, known.slug))
    if readers:
        names = ", ".join(f"{other.slug}.{reader.slug}" for other, reader in readers[:5])
        raise invalid_input([{"path": "column.type", "message": f"stays {known.type}: {names} rely on it"}])
    view = f"drop view if exists {qualify(relation.schema, relation.view)}"
    row.hashed_columns = [slug for slug in relation.hashed if slug != known.slug]
    return [view, *ddl.drop_column(relation, known.slug), *ddl.add_columns(changed, [column]), ddl.track_changes(changed)]


@handles(contract.remove)
async def remove(ctx: Context, request: contract.RemoveColumn) -> Removed:
    """Remove an added column that nothing uses, with its values."""
    row = await _lock_model(ctx, contract.remove, request.model_uuid)
    before = await model_catalog.catalog(ctx.db, ctx.workspace)
    relation = _relation(before, row)
    column = relation.column(request.column_slug)
    if column is None or column.kind == "system":
        contract.remove.refuse(
            "columnNotFound", slug=request.column_slug, fix=f"cargo-ai storage column list --model-uuid {request.model_uuid}"
        )
    if column.kind == "original":
        contract.remove.refuse("columnIsOriginal", slug=column.slug)
    users = await NamedUsers.of(ctx, await _find_usages(ctx, before, row, column))
    if users.who:
        details = {"users": users.details}
        contract.remove.refuse("columnIsUsed", slug=column.slug, users=users.sentence, details=details, fix=users.fix)
    statements = [f"drop view if exists {qualify(relation.schema, relation.view)}"]
    if column.stored:
        statements += ddl.drop_column(relation, column.slug)
    row.additional_columns = [raw for raw in row.additional_columns if raw["slug"] != column.slug]
    row.column_order = [slug for slug in row.column_order if slug != column.slug]
    row.hashed_columns = [slug for slug in row.hashed_columns if slug != column.slug]
    after = _apply_to_catalog(before, row)
    if column.stored:
        statements.append(ddl.track_changes(_relation(after, row)))
    await definition.replace_views(ctx.db, after, [_relation(after, row)], statements)
    await _follow_lookups(ctx, before, after, row)
    await _record_usages(ctx, row, after)
    return Removed(uuid=str(row.uuid))


async def _find_usages(ctx: Context, catalog: Catalog, row: Model, column: Column) -> list[tuple[str, object]]:
    """What uses a column: other columns, relationships, the title or time of the model, and what other domains have stored."""
    users: list[tuple[str, object]] = [
        ("column", f"{other.slug}.{reader.slug}") for other, reader in definition.readers(catalog, (row.uuid, column.slug))
    ]
    if column.slug in {row.title_column_slug, row.time_column_slug}:
        users.append(("model", row.uuid))
    key = model_catalog.column_key(row.uuid, column.slug)
    users += [other for other in await usages.used_by(ctx.db, model_usages.COLUMN, key) if other[0] != model_usages.MODEL]
    return users


@handles(contract.reorder)
async def reorder(ctx: Context, request: contract.ReorderColumn) -> contract.ColumnsReply:
    """Move a column."""
    row = await _lock_model(ctx, contract.reorder, request.model_uuid)
    catalog = await model_catalog.catalog(ctx.db, ctx.workspace)
    column = _relation(catalog, row).column(request.column_slug)
    slugs = [str(raw["slug"]) for raw in model_catalog.ordered_columns(row)]
    if column is None or column.slug not in slugs:
        contract.reorder.refuse("columnNotFound", slug=request.column_slug)
    if not 0 <= request.to_index < len(slugs):
        contract.reorder.refuse("invalidIndex", count=len(slugs), last=len(slugs) - 1)
    slugs.remove(column.slug)
    slugs.insert(request.to_index, column.slug)
    row.column_order = slugs
    await ctx.db.flush()
    return contract.ColumnsReply(columns=await to_responses(ctx.db, row))


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.OfModel) -> contract.ColumnsReply:
    """Every column."""
    row = await model.find(ctx.db, request.model_uuid)
    row = found_or_refuse(contract.get_all, row, "modelNotFound", uuid=request.model_uuid, fix=_MODELS)
    return contract.ColumnsReply(columns=await to_responses(ctx.db, row))


@handles(contract.exists_by_slug)
async def exists_by_slug(ctx: Context, request: contract.ColumnBySlug) -> contract.Exists:
    """Whether the slug is in use."""
    row = await model.find(ctx.db, request.model_uuid)
    return contract.Exists(exists=row is not None and any(raw["slug"] == request.slug for raw in model_catalog.ordered_columns(row)))


@handles(contract.autocomplete)
async def autocomplete(ctx: Context, request: contract.Autocomplete) -> contract.ResultsReply:
    """The values of a column, the most frequent first."""
    model_uuid = ids.parse(request.model_uuid)
    relation = (await model_catalog.catalog(ctx.db, ctx.workspace)).by_model(model_uuid) if model_uuid else None
    relation = found_or_refuse(contract.autocomplete, relation, "modelNotFound", uuid=request.model_uuid, fix=_MODELS)
    slug = request.column if isinstance(request.column, str) else str(request.column.get("slug"))
    column = relation.column(slug)
    column = found_or_refuse(contract.autocomplete, column, "columnNotFound", slug=slug)
    values = await rows.distinct_values(await driver_connection(ctx.db), relation, column, request.query, MAX_RESULTS)
    return contract.ResultsReply(results=[contract.Result(value=text, label=text) for text in values])


async def _validate(
    ctx: Context, operation: Operation[Any, Any, Any], catalog: Catalog, relation: Relation, column: AdditionalColumn
) -> JsonObject:
    """The column as it is stored, after the checks that need no other column. The type of a metric or lookup is what it computes."""
    raw = column.to_wire() | {"label": column.label or column.slug}
    if isinstance(column, ComputedColumn):
        if column.expression.instruct_to == "ai":
            operation.refuse("aiExpressionNotAllowed")
        problems = await computed.find_problems(Column(column.slug, column.type, "computed", definition=raw), ctx.workspace)
        if problems:
            raise invalid_input([{"path": "column.expression", "message": problem} for problem in problems])
    try:
        natural = KINDS[column.kind].natural_type(catalog, relation, Column(column.slug, column.type, column.kind, definition=raw))
    except InvalidColumn as fault:
        operation.refuse("invalidRelationship", problem=str(fault))
    if natural is not None and natural != column.type:
        ctx.warn(f"The column {column.slug} is {natural}: that is what it computes. The type {column.type} was not used.")
        raw["type"] = natural
    return raw


def _check_dependencies(operation: Operation[Any, Any, Any], catalog: Catalog, row: Model, slug: str) -> Relation:
    """The relation with its new column, after checking everything that the column reads."""
    relation = _relation(catalog, row)
    column = relation.column(slug)
    assert column is not None
    try:
        definition.check(catalog, relation, column)
        for other, reader in definition.readers(catalog, (row.uuid, slug)) if column.kind == "lookup" else ():
            definition.check(catalog, other, reader)
        computed.ComputedColumns.of(relation)
    except (InvalidColumn, computed.CircularColumns) as fault:
        if column.is_computed_on_write:
            raise invalid_input([{"path": "column.expression", "message": str(fault)}]) from None
        operation.refuse("invalidRelationship", problem=str(fault))
    return relation


def _affected(catalog: Catalog, model: uuid.UUID, slug: str) -> list[Relation]:
    """The model itself and every one whose view shows something made of this column, however indirectly."""
    affected: dict[uuid.UUID, Relation] = {}
    pending, seen = [(model, slug)], set[definition.ColumnRef]()
    while pending:
        ref = pending.pop()
        if ref in seen:
            continue
        seen.add(ref)
        relation = catalog.by_model(ref[0])
        if relation is not None:
            affected[ref[0]] = relation
        pending += [(other.model, reader.slug) for other, reader in definition.readers(catalog, ref)]
    return list(affected.values())


async def _apply_consequences(
    ctx: Context, row: Model, before: Catalog, catalog: Catalog, relation: Relation, slug: str
) -> StorageRun | None:
    """Do what a new definition entails: usages, an index for the columns of a lookup, and values of a computed column, by a fill."""
    column = relation.column(slug)
    await _record_usages(ctx, row, catalog)
    if column is None:
        return None
    await _follow_lookups(ctx, before, catalog, row)
    for related, key in KINDS[column.kind].lookup_keys(catalog, column):
        await definition.alter_tables(ctx.db, ddl.add_index(related, key))
    if column.kind == "lookup":
        readers = [reader.slug for _, reader in definition.readers(catalog, (row.uuid, slug)) if reader.is_computed_on_write]
        return await recompute.recompute(ctx, relation, readers) if readers else None
    if not column.is_computed_on_write:
        return None
    computed_from = (other.slug for _, other in definition.readers(catalog, (row.uuid, slug)) if other.is_computed_on_write)
    return await recompute.recompute(ctx, relation, [slug, *computed_from])


async def _follow_lookups(ctx: Context, before: Catalog, catalog: Catalog, row: Model) -> None:
    """Have changes of what the model's computed columns look up written down, and an index for finding the records that read them."""
    former, present = (lookup_triggers.sources(known, _relation(known, row)) for known in (before, catalog))
    indexes = [statement for source in present for statement in ddl.add_index(source.reader, source.own.slug)]
    statements = lookup_triggers.changes(former, present)
    if statements:
        await definition.alter_tables(ctx.db, [*statements, *indexes])


async def _record_usages(ctx: Context, row: Model, catalog: Catalog) -> None:
    connector = await model.connector_of(ctx.db, row.dataset_uuid)
    await model_usages.record_model(ctx.db, row, catalog, connector)
    await events.publish(ctx.db, ModelChanged(ctx.workspace, row.uuid))


async def _reply(ctx: Context, row: Model, slug: str, fill: StorageRun | None = None) -> contract.ColumnReply:
    column = next(column for column in await to_responses(ctx.db, row) if column.slug == slug)
    return contract.ColumnReply(column=column, run=None if fill is None else refresh_run.to_response(fill))


def _apply_to_catalog(before: Catalog, row: Model) -> Catalog:
    """The catalog with the row's model as it is now in this transaction, which has locked it."""
    former = _relation(before, row)
    changed = model_catalog.to_relation(row, former.dataset)
    return replace(before, relations=tuple(changed if relation is former else relation for relation in before.relations))


def _relation(catalog: Catalog, row: Model) -> Relation:
    relation = catalog.by_model(row.uuid)
    assert relation is not None, "a model that was not removed is in the catalog of its workspace"
    return relation


async def _lock_model(ctx: Context, operation: Operation[Any, Any, Any], text: str) -> Model:
    row = await model.find(ctx.db, text, lock=True)
    return found_or_refuse(operation, row, "modelNotFound", uuid=text, fix=_MODELS)
