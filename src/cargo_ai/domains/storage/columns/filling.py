"""Filling: show the fill of computed columns that lack values."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.storage.columns import Filling
from cargo_ai.domains.storage.tables import StorageRun


def to_response(row: StorageRun) -> Filling:
    """The fill on the wire."""
    return Filling(
        run_uuid=str(row.uuid),
        column_slugs=row.unfilled_slugs,
        status=row.status,  # pyright: ignore[reportArgumentType]  # one of the literals, as we write it
        records_done=row.records_done or 0,
        records_total=row.records_total or 0,
        since=row.created_at,
        error_message=row.error_message,
    )


async def find(db: AsyncSession, model: uuid.UUID) -> Filling | None:
    """The fill of a model whose columns lack values: it is under way, or it ended early."""
    row = await db.scalar(select(StorageRun).where(StorageRun.model_uuid == model, StorageRun.is_incomplete))
    return None if row is None else to_response(row)
