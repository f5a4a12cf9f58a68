"""Due syncs: start the sync of a model whose schedule is due, and go on with those that waited for a connector."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.connection.public import ConnectorAwake
from cargo_ai.domains.storage.models.refreshes import refresh_run
from cargo_ai.domains.storage.models.refreshes.refresh_run import CannotRefresh
from cargo_ai.domains.storage.sync import sync_state
from cargo_ai.domains.storage.tables import Model
from cargo_ai.engine.dispatch.timers.schedule import DueSchedule, NotFired

LATE_SECONDS = 10
"""After how long every process has noticed that a connector works again."""


async def fire(db: AsyncSession, due: DueSchedule) -> uuid.UUID | None:
    """Start the sync. NotFired where one is under way, or the model is paused."""
    row = await db.scalar(select(Model).where(Model.uuid == due.owner, Model.deleted_at.is_(None)).with_for_update())
    if row is None:
        raise NotFired("The model has been removed.")
    if row.is_paused:
        raise NotFired("The model is paused.")
    try:
        return (await refresh_run.start(db, row, user=row.user_uuid)).uuid
    except CannotRefresh as fault:
        raise NotFired(str(fault)) from None


async def go_on(db: AsyncSession, event: ConnectorAwake) -> None:
    """Go on with the syncs that wait for a connector."""
    datasets = [uuid.UUID(one.uuid) for one in await connection.datasets(db) if one.connector_uuid == str(event.connector)]
    models = await db.scalars(select(Model.uuid).where(Model.dataset_uuid.in_(datasets), Model.deleted_at.is_(None)))
    await sync_state.wake(db, models.all(), LATE_SECONDS)
