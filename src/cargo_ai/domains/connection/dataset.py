"""Datasets: create one with a workspace or a connector, and remove it with the connector."""

from __future__ import annotations

import uuid

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.connection import dataset as contract
from cargo_ai.domains.connection.tables import Connector, Dataset
from cargo_ai.kernel import clock, ids

NATIVE = "default"


def reply(row: Dataset) -> contract.Dataset:
    """The dataset on the wire."""
    return contract.Dataset(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        name=row.name,
        slug=row.slug,
        kind="native" if row.kind == "native" else "connector",
        connector_uuid=None if row.connector_uuid is None else str(row.connector_uuid),
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
    )


def of_connector(connector: Connector) -> Dataset:
    """The dataset that a new connector owns."""
    return Dataset(
        uuid=ids.new(),
        workspace_uuid=connector.workspace_uuid,
        name=connector.name,
        slug=connector.slug,
        kind="connector",
        connector_uuid=connector.uuid,
    )


async def add_native(db: AsyncSession, workspace: uuid.UUID) -> None:
    """The dataset that every workspace is born with; one that is there already is fine."""
    known = select(Dataset.uuid).where(Dataset.workspace_uuid == workspace, Dataset.slug == NATIVE, Dataset.deleted_at.is_(None))
    if await db.scalar(known) is None:
        db.add(Dataset(uuid=ids.new(), workspace_uuid=workspace, name="Default", slug=NATIVE, kind="native"))
        await db.flush()


async def remove_of(db: AsyncSession, connector: uuid.UUID) -> None:
    """Take away the dataset of a connector that is being removed."""
    owned = update(Dataset).where(Dataset.connector_uuid == connector, Dataset.deleted_at.is_(None))
    await db.execute(owned.values(deleted_at=clock.now()).execution_options(synchronize_session=False))
