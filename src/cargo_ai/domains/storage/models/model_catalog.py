"""Model catalog: convert the rows that describe models into the relations that `records` works with."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.storage.tables import Model, Relationship, StaleLookup, StorageRun, unfilled
from cargo_ai.records import names
from cargo_ai.records.catalog import Catalog, Column, Filling, Link, Relation
from cargo_ai.store.tables import Installation

NAMESPACE = uuid.UUID("6f1d0a5e-8f4b-5c53-9a2e-3a7b1f6f2c11")


async def catalog(db: AsyncSession, workspace: uuid.UUID) -> Catalog:
    """The models and relationships of the session's workspace. Three selects."""
    slugs = {one.uuid: one.slug for one in await connection.datasets(db)}
    models = await _load_models(db)
    relations = tuple(
        to_relation(row, slugs[str(row.dataset_uuid)], filling, is_refreshing=is_refreshing, is_stale=is_stale)
        for row, _, is_refreshing, is_stale, filling in models
        if str(row.dataset_uuid) in slugs
    )
    rows = await db.scalars(select(Relationship).order_by(Relationship.uuid))
    own = models[0][1] if models else await db.scalar(select(Installation.id).limit(1))
    role = names.role_name(own or uuid.UUID(int=0), workspace)
    return Catalog(workspace, role, relations, tuple(to_link(row) for row in rows))


async def _load_models(db: AsyncSession) -> list[tuple[Model, uuid.UUID, bool, bool, Filling | None]]:
    """The models with the id of the installation, whether work on their records is under way, whether what they
    look up has changed, and the fill whose columns lack values."""
    loaded: list[tuple[Model, uuid.UUID, bool, bool, Filling | None]] = []
    for model, own, running, stale, run, slugs, laps, done, total, ended in await db.execute(_models_query()):
        filling = None if slugs is None else Filling(run, tuple(unfilled(slugs, laps)), done or 0, total or 0, ended is not None)
        loaded.append((model, own, running, stale, filling))
    return loaded


@cache
def _models_query() -> Select[Model, uuid.UUID, bool, bool, uuid.UUID, list[Any] | None, Any, int | None, int | None, datetime | None]:
    """What `_load_models` selects. To put it together takes longer than to carry it out."""
    installation = select(Installation.id).limit(1).scalar_subquery()
    fill, run = aliased(StorageRun), aliased(StorageRun)
    is_refreshing = exists().where(run.model_uuid == Model.uuid, run.finished_at.is_(None))
    progress = (fill.uuid, fill.column_slugs, fill.laps, fill.records_done, fill.records_total, fill.finished_at)
    is_stale = exists().where(StaleLookup.model_uuid == Model.uuid)
    query = select(Model, installation, is_refreshing, is_stale, *progress)
    query = query.outerjoin(fill, and_(fill.model_uuid == Model.uuid, fill.is_incomplete))
    return query.where(Model.deleted_at.is_(None)).order_by(Model.uuid)


async def is_anything_incomplete(db: AsyncSession) -> bool:
    """Whether any model of the session's workspace has columns that lack values."""
    fills = select(StorageRun.uuid).where(StorageRun.is_incomplete).exists()
    stale = select(StaleLookup.model_uuid).exists()
    return bool(await db.scalar(select(or_(fills, stale))))


def to_relation(
    row: Model, dataset: str, filling: Filling | None = None, *, is_refreshing: bool = False, is_stale: bool = False
) -> Relation:
    """One model. `dataset` is its slug."""
    return Relation(
        model=row.uuid,
        slug=row.slug,
        dataset=dataset,
        schema=row.schema_name,
        table=row.table_name,
        view=row.view_name,
        columns=columns_of(row),
        id_column=row.id_column_slug,
        title_column=row.title_column_slug,
        time_column=row.time_column_slug,
        log=row.log_name,
        hashed=tuple(str(slug) for slug in row.hashed_columns),
        filling=filling,
        is_refreshing=is_refreshing or is_stale,
        is_stale=is_stale,
    )


def columns_of(row: Model) -> tuple[Column, ...]:
    """The columns of a model of every kind, in the order that the user gave them."""
    return tuple(_column(raw) for raw in ordered_columns(row))


def ordered_columns(row: Model) -> list[dict[str, Any]]:
    """The columns as the wire has them, in their order; what the order does not name comes last."""
    every = {str(raw["slug"]): cast("dict[str, Any]", raw) for raw in [*row.columns, *row.additional_columns]}
    slugs = [str(slug) for slug in row.column_order if slug in every]
    return [every[slug] for slug in [*slugs, *(slug for slug in every if slug not in slugs)]]


def _column(raw: Mapping[str, Any]) -> Column:
    return Column(raw["slug"], raw["type"], raw["kind"], str(raw.get("label") or raw["slug"]), raw)


def to_link(row: Relationship) -> Link:
    """One relationship."""
    return Link(
        uuid=row.uuid,
        from_model=row.from_model_uuid,
        from_column=row.from_column_slug,
        to_model=row.to_model_uuid,
        to_column=row.to_column_slug,
        from_property=row.from_property_slug,
        to_property=row.to_property_slug,
        relation=cast("Any", row.relation),
    )


def column_key(model: uuid.UUID, slug: str) -> uuid.UUID:
    """The uuid that stands for a column in usages: `("column", column_key(model, slug))`."""
    return uuid.uuid5(NAMESPACE, f"{model}/{slug}")
