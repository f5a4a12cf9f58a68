"""Model updates: name, folder, schedule, pause; and what must fit the columns: the config, and which columns are title and time."""

from __future__ import annotations

from typing import Any, cast

from cargo_ai.context import events
from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.storage import model as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.storage.columns import definition
from cargo_ai.domains.storage.events import ModelChanged
from cargo_ai.domains.storage.identity import unification
from cargo_ai.domains.storage.models import extractors, model, model_catalog, model_usages
from cargo_ai.domains.storage.sync import connector_model, model_schedule, source_columns, sync_state
from cargo_ai.domains.storage.sync.connector_model import SourceModel
from cargo_ai.domains.storage.tables import Model
from cargo_ai.kernel.refusal import invalid_input


async def ask_source(prepared: Preparation, request: contract.UpdateModel) -> SourceModel | None:
    """The columns that a connector's extractor brings with another config, before any transaction."""
    if request.config is None:
        return None
    async with prepared.services.database.session(prepared.who.workspace_uuid) as db:
        row = await model.find(db, request.uuid)
    if row is None:
        return None
    config = dict(row.config) | request.config
    return await connector_model.prepare(prepared, contract.update, str(row.dataset_uuid), row.extractor_slug, config)


@handles(contract.update, before=ask_source)
async def update(ctx: Context, request: contract.UpdateModel) -> contract.ModelReply:
    """Change the fields that are given; a new title or time column shows at once."""
    row = await model.find(ctx.db, request.uuid, lock=True)
    row = found_or_refuse(contract.update, row, "modelNotFound", uuid=request.uuid, fix=model.LIST)
    fields = request.model_fields_set
    source = cast("SourceModel | None", ctx.prepared)
    if "schedule" in fields:
        await _set_schedule(ctx, row, request.schedule)
    if "folder_uuid" in fields:
        row.folder_uuid = await model.folder_of(ctx, contract.update, request.folder_uuid)
    if request.name is not None:
        row.name = request.name
    if "description" in fields:
        row.description = request.description
    if request.position is not None:
        row.position = request.position.to_wire()
    if request.is_paused is not None:
        row.is_paused = request.is_paused
        if not row.is_paused:
            await sync_state.wake(ctx.db, [row.uuid])
    if "unification" in fields:
        row.unification = await unification.validate(ctx, row, request.unification)
    if request.config is not None:
        await _set_config(ctx, row, request.config, source)
    if fields & {"title_column_slug", "time_column_slug", "id_column_slug"}:
        await update_roles(ctx, row, request)
    await ctx.db.flush()
    await model_usages.record_folder(ctx.db, row)
    return await model.response_for(ctx.db, row)


async def _set_schedule(ctx: Context, row: Model, requested: contract.Schedule | None) -> None:
    """Give the model a schedule, or take it away."""
    if requested is not None:
        connector = await model.connector_of(ctx.db, row.dataset_uuid)
        integration = None if connector is None else await connection.connector_integration(ctx.services, ctx.db, connector)
        extractor = None if integration is None else integration.extractor(row.extractor_slug)
        model_schedule.validate(contract.update, requested, None if extractor is None else extractor.min_interval)
    await model_schedule.put(ctx.db, row, requested)


async def _set_config(ctx: Context, row: Model, change: dict[str, Any], source: SourceModel | None) -> None:
    """Change the config. Of a source, columns that it has now are added, and the next sync reads everything."""
    if source is None:
        update_config(row, change)
        return
    config = dict(row.config) | change
    if config == row.config:
        return
    if source.shape.id_column != row.id_column_slug:
        message = f"would make {source.shape.id_column} the id, and the records are known by {row.id_column_slug}: make a new model"
        raise invalid_input([{"path": "config", "message": message}])
    row.config = config
    added = await source_columns.add_columns(ctx.db, row, source.source)
    place = await sync_state.source_of(ctx.db, row)
    slugs = source_columns.slugs_by_name(row)
    place.cursor = None
    place.columns = [column.name for column in source.source.columns if column.name in slugs]
    place.bookkeeping = sorted(slugs[name] for name in source.source.bookkeeping if name in slugs)
    ctx.warn(
        f"The next sync reads everything again{f', for {len(added)} new columns' if added else ''}: "
        f"cargo-ai storage run create --model-uuid {row.uuid}"
    )


def update_config(row: Model, change: dict[str, Any]) -> None:
    """Change the config. Its columns stay: they are changed one by one, by `storage column`."""
    config = dict(row.config) | change
    if "columns" in change and change["columns"] != row.config.get("columns"):
        message = "cannot change here: add columns with `cargo-ai storage column create`"
        raise invalid_input([{"path": "config.columns", "message": message}])
    row.config = config


async def update_roles(ctx: Context, row: Model, request: contract.UpdateModel) -> None:
    """Change the title or time column. The id column stays: the records are keyed by it."""
    relation = next(one for one in (await model_catalog.catalog(ctx.db, ctx.workspace)).relations if one.model == row.uuid)
    own = {column.slug: column for column in relation.stored_columns}
    if request.id_column_slug is not None and request.id_column_slug != row.id_column_slug:
        message = f"cannot change: the records are known by {row.id_column_slug}. Make a new model with this id column"
        raise invalid_input([{"path": "idColumnSlug", "message": message}])
    if request.title_column_slug is not None:
        if request.title_column_slug != extractors.ID and request.title_column_slug not in own:
            contract.update.refuse("columnNotFound", slug=request.title_column_slug)
        row.title_column_slug = request.title_column_slug
    if "time_column_slug" in request.model_fields_set:
        time = own.get(request.time_column_slug or "")
        if request.time_column_slug is not None and time is None:
            contract.update.refuse("columnNotFound", slug=request.time_column_slug)
        if time is not None and time.type != "date":
            raise invalid_input([{"path": "timeColumnSlug", "message": f"names {time.slug}, which is {time.type}; it takes a date"}])
        row.time_column_slug = request.time_column_slug
    await ctx.db.flush()
    known = await model_catalog.catalog(ctx.db, ctx.workspace)
    await definition.replace_views(ctx.db, known, [one for one in known.relations if one.model == row.uuid])
    await events.publish(ctx.db, ModelChanged(ctx.workspace, row.uuid))
