"""Model usages: store what models and relationships use, and find what uses them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.removal import usages
from cargo_ai.domains.storage.columns import definition
from cargo_ai.domains.storage.models.model_catalog import column_key
from cargo_ai.domains.storage.tables import Model, Relationship
from cargo_ai.records.catalog import Catalog
from cargo_ai.store.tables import BinItem, Reference

MODEL, COLUMN, RELATIONSHIP = "model", "column", "relationship"
LONGEST_FIX = 2_000
Users = list[tuple[str, uuid.UUID]]


def is_kept() -> ColumnElement[bool]:
    """The condition that a model has its table: it is there, or in the bin."""
    return or_(Model.deleted_at.is_(None), Model.uuid.in_(select(BinItem.uuid).where(BinItem.kind == MODEL)))


async def files_in_use(db: AsyncSession, keys: Collection[str]) -> set[str]:
    """Which of these uploaded files a model can be refreshed from, also when it is restored first."""
    names = (Model.config["s3Filename"].as_string(), Model.config["fileKey"].as_string())
    used: set[str] = set()
    for name in names:
        used |= {str(key) for key in await db.scalars(select(name).where(name.in_(keys), is_kept()))}
    return used


async def record_model(db: AsyncSession, row: Model, catalog: Catalog, connector: uuid.UUID | None) -> None:
    """Store what a model uses: its connector and folder, and the models and columns that its metrics and lookups read."""
    targets: set[tuple[str, uuid.UUID]] = set()
    relation = catalog.by_model(row.uuid)
    for column in relation.columns if relation else ():
        if column.is_computed_by_view and relation is not None:
            for other, slug in definition.reads(catalog, relation, column):
                targets |= {(MODEL, other), (COLUMN, column_key(other, slug))} if other != row.uuid else set()
    if connector is not None:
        targets.add(("connector", connector))
    if row.folder_uuid is not None:
        targets.add(("folder", row.folder_uuid))
    await usages.replace(db, row.workspace_uuid, MODEL, row.uuid, targets)


async def record_folder(db: AsyncSession, row: Model) -> None:
    """Store the model's folder alone, when nothing else has changed."""
    await db.execute(delete(Reference).where(Reference.from_kind == MODEL, Reference.from_uuid == row.uuid, Reference.to_kind == "folder"))
    if row.folder_uuid is not None:
        target = {"to_kind": "folder", "to_uuid": row.folder_uuid}
        db.add(Reference(workspace_uuid=row.workspace_uuid, from_kind=MODEL, from_uuid=row.uuid, **target))
        await db.flush()


async def record_relationship(db: AsyncSession, row: Relationship, *, gone: bool = False) -> None:
    """Store the models and columns that a relationship joins; `gone`: remove them."""
    ends = ((row.from_model_uuid, row.from_column_slug), (row.to_model_uuid, row.to_column_slug))
    targets = [target for uid, slug in ends for target in ((MODEL, uid), (COLUMN, column_key(uid, slug)))]
    await usages.replace(db, row.workspace_uuid, RELATIONSHIP, row.uuid, () if gone else targets)


async def users_of_model(db: AsyncSession, row: Model) -> Users:
    """Everything that uses a model, but for the model itself."""
    return [one for one in await usages.used_by(db, MODEL, row.uuid) if one != (MODEL, row.uuid)]


async def how_to_unrelate(db: AsyncSession, users: Sequence[tuple[str, object]]) -> str | None:
    """The command that removes those users that are relationships, and keeps the others of their dataset; None without any, or with too
    many to write down."""
    mine = {uid for kind, uid in users if kind == RELATIONSHIP}
    dataset = await db.scalar(select(Relationship.from_dataset_uuid).where(Relationship.uuid.in_(mine)).limit(1))
    if dataset is None:
        return None
    rows = await db.scalars(select(Relationship).where(Relationship.from_dataset_uuid == dataset, Relationship.uuid.not_in(mine)))
    kept = [
        {
            "uuid": str(row.uuid),
            "fromModelUuid": str(row.from_model_uuid),
            "fromColumnSlug": row.from_column_slug,
            "toModelUuid": str(row.to_model_uuid),
            "toColumnSlug": row.to_column_slug,
            "relation": row.relation,
        }
        for row in rows
    ]
    command = f"cargo-ai storage relationship set --dataset-uuid {dataset} --relationships '{json.dumps(kept)}'"
    return command if len(command) <= LONGEST_FIX else None
