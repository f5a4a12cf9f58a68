"""Model updates that must fit the columns: the config, and which columns are title and time."""

from __future__ import annotations

from typing import Any

from cargo_ai.context import events
from cargo_ai.context.context import Context
from cargo_ai.contract.storage import model as contract
from cargo_ai.domains.storage.columns import definition
from cargo_ai.domains.storage.events import ModelChanged
from cargo_ai.domains.storage.models import extractors, model_catalog
from cargo_ai.domains.storage.tables import Model
from cargo_ai.kernel.refusal import invalid_input


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
