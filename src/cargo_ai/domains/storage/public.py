"""Public interface of storage: the models of a workspace as a catalog, their refreshes, and the events of their changes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.domains.storage.columns import recompute
from cargo_ai.domains.storage.columns.definition import select_with_grouped_metrics
from cargo_ai.domains.storage.events import ModelChanged, RecordsChanged
from cargo_ai.domains.storage.models import model as models
from cargo_ai.domains.storage.models import model_catalog, model_usages
from cargo_ai.domains.storage.models.index import propose_index
from cargo_ai.domains.storage.models.model_catalog import column_key
from cargo_ai.domains.storage.models.refreshes import refresh_run
from cargo_ai.domains.storage.models.refreshes.refresh_run import CannotRefresh, LastRefresh, last_refresh
from cargo_ai.domains.storage.records import ingest, scoped_write
from cargo_ai.domains.storage.records.ingest import IngestTarget
from cargo_ai.domains.storage.tables import Model
from cargo_ai.domains.storage.unfinished import Unfinished, unfinished
from cargo_ai.records import incomplete
from cargo_ai.records.catalog import Catalog, Relation

__all__ = [
    "COLUMN",
    "MODEL",
    "CannotRefresh",
    "IngestTarget",
    "LastRefresh",
    "ModelChanged",
    "RecordsChanged",
    "Unfinished",
    "catalog",
    "column_key",
    "enrich",
    "incomplete_columns",
    "ingest",
    "is_refreshing",
    "last_refresh",
    "model_exists",
    "model_names",
    "propose_index",
    "relation",
    "scoped_write",
    "select_with_grouped_metrics",
    "start_refresh",
    "unfinished",
]

MODEL, COLUMN = model_usages.MODEL, model_usages.COLUMN
"""The kinds of usages of models and of columns: `usages.replace(…, [(MODEL, uuid), (COLUMN, column_key(uuid, slug))])`."""


async def catalog(db: AsyncSession, workspace: uuid.UUID) -> Catalog:
    """The models and relationships of the session's workspace."""
    return await model_catalog.catalog(db, workspace)


async def relation(db: AsyncSession, model: uuid.UUID) -> Relation | None:
    """One model of the session's workspace."""
    row = await db.scalar(select(Model).where(Model.uuid == model, Model.deleted_at.is_(None)))
    return None if row is None else (await model_catalog.catalog(db, row.workspace_uuid)).by_model(model)


async def incomplete_columns(db: AsyncSession, workspace: uuid.UUID, model: uuid.UUID) -> list[str]:
    """A sentence for each column of a model of the session's workspace that lacks values. One statement where nothing is being filled."""
    if not await model_catalog.is_anything_incomplete(db):
        return []
    every = await model_catalog.catalog(db, workspace)
    whole = every.by_model(model)
    return [] if whole is None else incomplete.sentences(every, incomplete.of_relation(whole))


async def model_exists(db: AsyncSession, model: uuid.UUID, *, lock: bool = False) -> bool:
    """Whether the session's workspace has this model; `lock`: it then cannot be removed before the caller's commit."""
    query = select(Model.uuid).where(Model.uuid == model, Model.deleted_at.is_(None))
    return await db.scalar(query.with_for_update(read=True) if lock else query) is not None


async def model_names(db: AsyncSession) -> Mapping[uuid.UUID, str]:
    """The names of the session's models."""
    rows = await db.execute(select(Model.uuid, Model.name).where(Model.deleted_at.is_(None)))
    return {row[0]: row[1] for row in rows}


async def start_refresh(db: AsyncSession, model: uuid.UUID) -> uuid.UUID | None:
    """Start a refresh of a model of the session's workspace, in its owner's name; returns the run's uuid, None for a model that is gone,
    paused or up to date. CannotRefresh when there is nothing to read, or a run is under way."""
    row = await db.scalar(select(Model).where(Model.uuid == model, Model.deleted_at.is_(None)).with_for_update())
    if row is None or row.is_paused or await refresh_run.is_up_to_date(db, row):
        return None
    return (await refresh_run.start(db, row, user=row.user_uuid)).uuid


async def is_refreshing(db: AsyncSession, model: uuid.UUID) -> bool:
    """Whether a refresh of the model is under way."""
    return await models.is_refreshing(db, model)


async def enrich(ctx: Context, relation: Relation) -> None:
    """Compute the computed columns of all records again: now where records are few, by a job where they are many (with a warning)."""
    if any(column.is_computed_on_write for column in relation.columns):
        await recompute.recompute(ctx, relation)
