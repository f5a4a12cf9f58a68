"""Refresh: read again, about once an hour, what servers of custom integrations announce; what is faulty changes nothing but its problem."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.custom import announced
from cargo_ai.domains.connection.custom.announced import BadManifest, NoManifest
from cargo_ai.domains.connection.tables import CustomIntegration
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.secrets import WrongKey
from cargo_ai.store.session import ALL_WORKSPACES

EVERY = timedelta(minutes=50)
AT_ONCE = 8
MAX = 1_000

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    """One that is to be read again."""

    uuid: uuid.UUID
    workspace: uuid.UUID
    base_url: str
    sealed_secret: bytes | None
    manifest: Any
    version: int


async def refresh(services: Services) -> None:
    """Read those again that were not looked at for most of an hour. Several workers share them."""
    due = await _claim(services)
    turns = asyncio.Semaphore(AT_ONCE)

    async def look(one: _Due) -> None:
        async with turns:
            await _refresh(services, one)

    # One that fails unexpectedly must not keep the others from being read.
    for failure in await asyncio.gather(*map(look, due), return_exceptions=True):
        if isinstance(failure, Exception):
            _log.error("a manifest could not be refreshed", cause=str(failure)[:300])


async def _claim(services: Services) -> list[_Due]:
    row = CustomIntegration
    is_due = (row.deleted_at.is_(None)) & (row.source == "protocol") & (row.checked_at < clock.now() - EVERY)
    async with services.database.session(ALL_WORKSPACES) as db:
        rows = (await db.scalars(select(row).where(is_due).order_by(row.checked_at).limit(MAX).with_for_update(skip_locked=True))).all()
        due = [_Due(one.uuid, one.workspace_uuid, one.base_url, one.sealed_secret, one.manifest, one.version) for one in rows]
        for one in rows:
            one.checked_at = clock.now()
        await db.commit()
    return due


async def _refresh(services: Services, due: _Due) -> None:
    changes: dict[str, Any] = {"problem": None}
    try:
        secret = "" if due.sealed_secret is None else services.secrets.open(due.sealed_secret).decode()
        given = await announced.of_server(services, due.workspace, due.base_url, secret)
        if given.manifest != due.manifest:
            changes |= {"manifest": given.manifest, "version": due.version + 1, "fetched_at": clock.now()}
    except (NoManifest, BadManifest, WrongKey) as error:
        changes = {"problem": f"{error} What was announced before holds."}
    # A request that has changed it meanwhile has read a newer manifest.
    same = (CustomIntegration.uuid == due.uuid) & (CustomIntegration.version == due.version)
    async with services.database.session(due.workspace) as db:
        await db.execute(update(CustomIntegration).where(same).values(**changes).execution_options(synchronize_session=False))
        await db.commit()
