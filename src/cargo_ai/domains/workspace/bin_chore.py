"""The chore and the job of the bin: remove forever what has been in it for CARGO_AI_KEEP_REMOVED_DAYS, or is to go at once."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, or_, select

from cargo_ai.context.process import Services
from cargo_ai.context.removal import bin_kinds
from cargo_ai.engine.journal import crash_points
from cargo_ai.kernel import clock, log
from cargo_ai.store.session import ALL_WORKSPACES
from cargo_ai.store.tables import BinItem

_log = log.get(__name__)


async def remove_expired(services: Services) -> None:
    """One transaction per thing, which does all of it or nothing: a worker killed in it leaves the thing to the next one. What fails
    does not keep the others, and is tried again with the next chore."""
    oldest = clock.now() - bin_kinds.keep_time(services.settings)
    expired = or_(BinItem.is_due, BinItem.removed_at <= oldest)
    async with services.database.session(ALL_WORKSPACES) as db:
        rows = (await db.execute(select(BinItem.uuid, BinItem.workspace_uuid).where(expired).order_by(BinItem.removed_at))).all()
    removed = 0
    for item, workspace in rows:
        try:
            removed += await _destroy(services, item, workspace, expired)
        except Exception as error:
            _log.warning("a removed thing stays in the bin for now", item=str(item), cause=f"{type(error).__name__}: {error}"[:300])
    if removed:
        _log.info("removed forever", things=removed, days=services.settings.keep_removed_days)


async def _destroy(services: Services, uid: uuid.UUID, workspace: uuid.UUID, expired: ColumnElement[bool]) -> bool:
    """False when another worker is at it, or it was restored meanwhile (and perhaps removed again, which counts from then)."""
    kinds = {one.kind: one for one in services.hooks.bin_kinds}
    async with services.database.session(workspace) as db:
        item = await db.scalar(select(BinItem).where(BinItem.uuid == uid, expired).with_for_update(skip_locked=True))
        if item is None:
            return False
        for kind in (kind for name, kind in kinds.items() if name == item.kind):
            await kind.destroy(db, item)
        await db.delete(item)
        await db.flush()
        crash_points.point("before bin commit")
        await db.commit()
        return True
