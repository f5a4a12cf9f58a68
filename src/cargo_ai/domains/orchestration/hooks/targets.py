"""Targets of hooks: the tools whose triggers name a webhook connector."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.tables import Release, Tool
from cargo_ai.engine.dispatch.submit import RunSpec
from cargo_ai.integrations.webhook.events import HookEvent
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.tables import Reference


@dataclass(frozen=True, slots=True)
class Target:
    """A tool that events start. types: of which events; (): of all."""

    spec: RunSpec
    types: frozenset[str]

    def takes(self, event: HookEvent) -> bool:
        """Whether the event starts it."""
        return not self.types or event.type in self.types


async def of_connector(db: AsyncSession, connector: uuid.UUID) -> list[Target]:
    """The tools of the session's workspace that a connector starts.

    Refusal (409) where one has nothing deployed: the sender keeps the event, and sends it again.
    """
    rows = await db.execute(
        select(Tool, Release.uuid, Release.nodes)
        .join(Reference, (Reference.from_uuid == Tool.uuid) & (Reference.from_kind == "tool"))
        .outerjoin(Release, (Release.workflow_uuid == Tool.workflow_uuid) & (Release.status == "deployed"))
        .where(Reference.to_kind == "connector", Reference.to_uuid == connector, Tool.deleted_at.is_(None))
        .order_by(Tool.uuid)
    )
    targets: list[Target] = []
    for tool, release, nodes in rows:
        triggers = [trigger for trigger in cast("list[JsonObject]", tool.triggers) if trigger.get("connectorUuid") == str(connector)]
        if triggers and not nodes:
            sentence = f"The tool {tool.name!r} has nothing deployed, so that it cannot take this event. Send it again later."
            raise Refusal(409, "nothingDeployed", sentence)
        if triggers:
            spec = RunSpec(tool.workspace_uuid, tool.workflow_uuid, tool.user_uuid, release, cast("list[JsonObject]", nodes))
            targets.append(Target(spec, _types(triggers)))
    return targets


def _types(triggers: Sequence[JsonObject]) -> frozenset[str]:
    """Those of all its triggers; one without types takes all."""
    named = [cast("list[str]", cast("dict[str, Any]", trigger.get("config") or {}).get("types") or []) for trigger in triggers]
    return frozenset(kind for types in named for kind in types) if all(named) else frozenset()
