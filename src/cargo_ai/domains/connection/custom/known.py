"""Integrations of a workspace: the built-in ones and its custom ones, reloaded every two seconds and when one is missing."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import select

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.custom.declared import integration_of
from cargo_ai.domains.connection.tables import CustomIntegration
from cargo_ai.integrations.kit import Integration, integrations
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.secrets import WrongKey
from cargo_ai.store.session import Database

FRESH_SECONDS = 2.0
MAX_WORKSPACES = 1_000
MAX_BYTES = 64 * 1024 * 1024
"""Of manifests, for which a process keeps integrations; one workspace has at most 8 MB."""

_log = log.get(__name__)

Integrations = Mapping[str, Integration]
"""Integrations by slug."""


@dataclass(slots=True)
class _Own:
    """The custom integrations of a workspace as they were at `seen_at`. `turn`: one look at a time, which all that wait for it share."""

    seen_at: float = float("-inf")
    by_slug: dict[str, Integration] = field(default_factory=dict[str, Integration])
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class KnownIntegrations:
    """The integrations that this process knows of; one per process."""

    def __init__(self, services: Services) -> None:
        self._database: Database = services.database
        self._secrets = services.secrets
        self._own: dict[uuid.UUID, _Own] = {}
        self._bytes = 0
        self._built: dict[tuple[uuid.UUID, int], Integration] = {}

    async def of(self, workspace: uuid.UUID) -> Integrations:
        """All that a workspace has, to look up by slug; one of the server comes before a custom one that was there before it."""
        own = await self.own(workspace)
        return ChainMap(cast("dict[str, Integration]", integrations()), own) if own else integrations()

    async def all_of(self, workspace: uuid.UUID) -> Integrations:
        """All that a workspace has, to go through: those of the server are imported meanwhile, beside the event loop."""
        await load_all()
        return await self.of(workspace)

    async def find(self, workspace: uuid.UUID, slug: str, action: str | None = None) -> Integration | None:
        """One that a workspace has, None when it has none of this name.

        Another process may have made it, or read that it has this action, a moment ago: what seems to be missing is looked for once more.
        """
        asked_at = clock.seconds()
        integration = integrations().get(slug) or (await self.own(workspace)).get(slug)
        if integration is None or (action is not None and slug not in integrations() and integration.action(action) is None):
            integration = integrations().get(slug) or (await self._seen_since(workspace, asked_at)).get(slug)
        return integration

    async def own(self, workspace: uuid.UUID) -> dict[str, Integration]:
        """The custom ones of a workspace, by slug."""
        return await self._seen_since(workspace, clock.seconds() - FRESH_SECONDS)

    async def forget(self, workspace: uuid.UUID) -> None:
        """Look again next time: the workspace has changed one."""
        self._own.pop(workspace, None)

    async def _seen_since(self, workspace: uuid.UUID, moment: float) -> dict[str, Integration]:
        """Those of a workspace as they were at this moment (of `clock.seconds`) or later."""
        if len(self._own) >= MAX_WORKSPACES and workspace not in self._own:
            self._own.clear()
        own = self._own.setdefault(workspace, _Own())
        async with own.turn:
            if own.seen_at < moment:
                now = clock.seconds()
                own.by_slug = await self._load(workspace)
                own.seen_at = now
        return own.by_slug

    async def _load(self, workspace: uuid.UUID) -> dict[str, Integration]:
        async with self._database.session(workspace) as db:
            living = CustomIntegration.deleted_at.is_(None)
            query = select(CustomIntegration.uuid, CustomIntegration.version, CustomIntegration.slug).where(living)
            rows = (await db.execute(query.order_by(CustomIntegration.uuid))).all()
            missing = [row.uuid for row in rows if (row.uuid, row.version) not in self._built]
            if missing and self._bytes > MAX_BYTES:
                self._built.clear()
                self._own.clear()
                self._bytes = 0
                missing = [row.uuid for row in rows]
            built = {}
            if missing:
                changed = await db.scalars(select(CustomIntegration).where(CustomIntegration.uuid.in_(missing), living))
                built = {(row.uuid, row.version): integration for row in changed if (integration := self._build(row)) is not None}
        self._built |= built
        known: Mapping[Any, Integration] = self._built
        return {row.slug: known[row.uuid, row.version] for row in rows if (row.uuid, row.version) in known}

    def _build(self, row: CustomIntegration) -> Integration | None:
        self._bytes += len(json.dumps(row.manifest))
        try:
            return integration_of(row, self._secrets)
        except (ValueError, WrongKey) as error:
            # It must not take the others along.
            _log.error("a custom integration cannot be used", uuid=str(row.uuid), cause=str(error)[:300])
            return None


async def load_all() -> None:
    """Import the server's own beside the event loop, so that going through them does not hold it up."""
    await asyncio.to_thread(integrations().load)


def known_integrations(services: Services) -> KnownIntegrations:
    """The process's own."""
    return services.once(KnownIntegrations, lambda: KnownIntegrations(services))
