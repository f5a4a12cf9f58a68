"""Long polls of storage runs: notify the requests that wait for the end of one."""

from __future__ import annotations

import uuid

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def notify_waiting(db: AsyncSession, run: uuid.UUID) -> None:
    """Notify requests that wait for the run, when the session's transaction commits."""
    await db.execute(text("select pg_notify('cargo_done', :run)"), {"run": str(run)})
