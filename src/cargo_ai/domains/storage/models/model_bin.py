"""Removed models: hide a model with its table, bring it back, and drop it forever."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.removal import bin_kinds
from cargo_ai.context.removal.bin_kinds import BinKind, Contents
from cargo_ai.contract.storage import model as contract
from cargo_ai.contract.workspace import bin as bin_contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.storage.columns import definition, recompute
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.domains.storage.sync import model_schedule
from cargo_ai.domains.storage.tables import Model, ModelSource, StorageRun, UnifiedReference
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.kernel import clock, ids
from cargo_ai.records import ddl, lookup_triggers
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.records.column_kinds import InvalidColumn
from cargo_ai.records.lookup_triggers import LookupSource
from cargo_ai.records.names import qualify
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection, value
from cargo_ai.store.tables import BinItem

LARGE_BYTES = 32 * 1024**2
"""A model whose table and log are larger is removed forever by a job."""


async def hide(ctx: Context, row: Model) -> bin_contract.RemovedToBin:
    """Take the model out of all that is read and free its slug; its table stays, and counts against the quota."""
    known = await model_catalog.catalog(ctx.db, ctx.workspace)
    relation = known.by_model(row.uuid)
    kept = {"ingestTokenHash": row.ingest_token_hash}
    await model_schedule.take_away(ctx.db, row)
    row.deleted_at, row.ingest_token_hash = clock.now(), None
    await ctx.db.flush()
    if relation is not None:
        followed = [statement for source in _sources(known, relation) for statement in source.drop_triggers()]
        view = f"drop view if exists {qualify(relation.schema, relation.view)}"
        await definition.alter_tables(ctx.db, [*followed, view])
    count = await quotas.used_by(await driver_connection(ctx.db), ctx.workspace, "records", str(row.uuid))
    return await bin_kinds.put(ctx, KIND, row.uuid, row.name, slug=row.slug, records_count=count, kept=kept)


async def _restore(ctx: Context, item: BinItem, slug: str | None) -> None:
    row = await ctx.db.scalar(select(Model).where(Model.uuid == item.uuid).with_for_update().execution_options(populate_existing=True))
    assert row is not None, "the rows of removed models stay"
    if await connection.dataset(ctx.db, row.dataset_uuid, lock=True) is None:
        owner = await connection.former_owner(ctx.db, row.dataset_uuid)
        await bin_kinds.refuse_without(ctx, item, "connector", owner or row.dataset_uuid, "is in the dataset of")
    await _show(ctx, row, slug or row.slug)
    row.folder_uuid = await workspace.living_folder(ctx, row.folder_uuid, "model")
    row.ingest_token_hash = item.kept.get("ingestTokenHash")
    await model_schedule.bring_back(ctx.db, row)
    await _leave_broken_columns_out(ctx, item, row)
    known = await model_catalog.catalog(ctx.db, ctx.workspace)
    relation = known.by_model(row.uuid)
    assert relation is not None
    sources = _sources(known, relation)
    triggers = [statement for source in sources for statement in source.create_triggers()]
    await definition.replace_views(ctx.db, known, [relation], triggers)
    if sources or await _is_incomplete(ctx.db, row.uuid):
        # What it looks up was not followed while it was away.
        await recompute.recompute(ctx, relation)


async def _show(ctx: Context, row: Model, slug: str) -> None:
    """Make the row a living model of this slug; refuses one that is taken."""
    if "-" in slug:
        bin_contract.restore.refuse("slugNotCompatible", problem="The slug of a model has letters, digits and `_` only.")
    try:
        async with ctx.db.begin_nested():
            row.deleted_at, row.slug = None, slug
            await ctx.db.flush()
    except IntegrityError:
        bin_contract.restore.refuse("duplicateSlug", kind="model", slug=slug)


async def _leave_broken_columns_out(ctx: Context, item: BinItem, row: Model) -> None:
    """Take metrics and lookups out whose models, columns or relationships are gone; refuse where such a model can be restored first."""
    broken = True
    while broken:
        known = await model_catalog.catalog(ctx.db, ctx.workspace)
        relation = known.by_model(row.uuid)
        broken = False
        for column in relation.columns if relation is not None else ():
            if relation is None or not column.is_computed_by_view:
                continue
            try:
                definition.check(known, relation, column)
            except InvalidColumn as fault:
                join: dict[str, Any] = column.definition.get("join") or {}
                needed = ids.parse(str(join.get("toModelUuid")))
                if needed is not None and await bin_kinds.find(ctx.db, needed) is not None:
                    await bin_kinds.refuse_without(ctx, item, "model", needed, "looks up records of")
                ctx.warn(f"The {column.kind} {column.slug} was left out: {fault}")
                row.additional_columns = [raw for raw in row.additional_columns if raw["slug"] != column.slug]
                row.column_order = [named for named in row.column_order if named != column.slug]
                await ctx.db.flush()
                broken = True
                break


def _sources(known: Catalog, relation: Relation) -> list[LookupSource]:
    try:
        return lookup_triggers.sources(known, relation)
    except InvalidColumn:
        return []


async def _is_incomplete(db: AsyncSession, model: uuid.UUID) -> bool:
    return await db.scalar(select(StorageRun.uuid).where(StorageRun.model_uuid == model, StorageRun.is_incomplete)) is not None


async def _destroy(db: AsyncSession, item: BinItem) -> None:
    """Drop the table. The row stays, for the history."""
    row = await db.scalar(select(Model).where(Model.uuid == item.uuid))
    assert row is not None, "the rows of removed models stay"
    await definition.alter_tables(db, ddl.drop(model_catalog.to_relation(row, "")))
    await db.execute(delete(ModelSource).where(ModelSource.model_uuid == item.uuid))
    await db.execute(delete(UnifiedReference).where(UnifiedReference.model_uuid == item.uuid))
    await quotas.forget(await driver_connection(db), item.workspace_uuid, "records", str(item.uuid))


async def _is_large(db: AsyncSession, item: BinItem) -> bool:
    """Also where few records are left of many: their table and log are as large as they were."""
    if (item.records_count or 0) > bin_kinds.LARGE:
        return True
    row = await db.scalar(select(Model).where(Model.uuid == item.uuid))
    assert row is not None, "the rows of removed models stay"
    relation = model_catalog.to_relation(row, "")
    query = "select pg_total_relation_size(to_regclass(%s)) + pg_total_relation_size(to_regclass(%s))"
    size = await value(await driver_connection(db), query, [ddl.table_name(relation), ddl.log_table_name(relation)])
    return int(size or 0) > LARGE_BYTES


async def _contents(db: AsyncSession, model: uuid.UUID) -> Contents | None:
    row = await db.scalar(select(Model).where(Model.uuid == model, Model.deleted_at.is_(None)))
    if row is None:
        return None
    count = await quotas.used_by(await driver_connection(db), row.workspace_uuid, "records", str(model))
    return Contents(row.name, f"{count:,} record{'' if count == 1 else 's'}")


KIND = BinKind(
    kind="model",
    permission=contract.remove.permission or "",
    columns=(Model.uuid, Model.name, Model.deleted_at),
    contents=_contents,
    restore=_restore,
    destroy=_destroy,
    is_large=_is_large,
)
