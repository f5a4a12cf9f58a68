"""Effects: what an action, workflow or agent does at most, with all that it may start: read, write or delete, here or at services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.tables import Release, Tool
from cargo_ai.engine.graph.action import Hint
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

_ORDER: tuple[Hint, ...] = ("reads", "writes", "deletes")
_WRITING_CAPABILITIES = frozenset({"memory", "document"})
_OPEN_CAPABILITIES = frozenset({"webSearch"})
_OPEN_NATIVES = frozenset({"sendEmail"})
HTTP = "http"
_OF_METHODS: Mapping[str, Hint] = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
"""What a request does by its method, where the config fixes it."""
_MODEL_ASK = "modelAsk"


class Effect(NamedTuple):
    """What is done at most. is_open: it may reach services and people outside of the workspace."""

    hint: Hint = "reads"
    is_open: bool = False

    def with_that_of(self, other: Effect) -> Effect:
        """What both do at most."""
        hint = self.hint if _ORDER.index(self.hint) >= _ORDER.index(other.hint) else other.hint
        return Effect(hint, self.is_open or other.is_open)


UNKNOWN = Effect("deletes", is_open=True)
"""Of what is not there any more, or not known: nothing is promised."""
FindParts = Callable[[AsyncSession, Mapping[str, Any]], Awaitable[JsonObject | None]]
"""The parts of the release that answers for an action or node of kind agent; None without one."""


@dataclass(slots=True)
class Effects:
    """Finds out what actions do, as the workspace of the session has them now. Tools and agents are looked at once each."""

    services: Services
    db: AsyncSession
    integrations: connection.Integrations
    find_parts: FindParts
    _seen: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    async def of_action(self, action: Mapping[str, Any]) -> Effect:
        """What an action of an agent, or a node, does: with the nodes of its tool and what its agent has."""
        kind, config = action.get("kind"), cast("JsonObject", action.get("config") or {})
        if kind == "connector":
            return self._of_connector(action)
        if kind == "tool":
            return await self._of_tool(action)
        if kind == "agent":
            return await self._of_agent(action)
        slug = str(action.get("actionSlug"))
        native = self.services.actions.native(slug)
        if native is None:
            return UNKNOWN
        if slug == "agent":
            return await self._of_parts(config)
        if native.does != "acts" or native.idempotency == "reads" or slug == _MODEL_ASK:
            return await self._of_all(config.get("_nodes") or ())
        return Effect("deletes" if slug.endswith("Remove") else "writes", slug in _OPEN_NATIVES)

    def _of_connector(self, action: Mapping[str, Any]) -> Effect:
        integration = self.integrations.get(str(action.get("integrationSlug")))
        declared = None if integration is None else integration.action(str(action.get("actionSlug")))
        if declared is None:
            return UNKNOWN
        method = cast("JsonObject", action.get("config") or {}).get("method") if action.get("integrationSlug") == HTTP else None
        return Effect(_OF_METHODS.get(str(method), declared.hint or "writes"), is_open=True)

    async def _of_tool(self, action: Mapping[str, Any]) -> Effect:
        named = str(action.get("releaseUuid") or action.get("toolUuid"))
        if ("tool", named) in self._seen:
            return Effect()
        self._seen.add(("tool", named))
        query = select(Release.nodes).join(Tool, Tool.workflow_uuid == Release.workflow_uuid).where(Tool.deleted_at.is_(None))
        if action.get("releaseUuid"):
            query = query.where(Release.uuid == ids.parse(named))
        else:
            query = query.where(Release.status == "deployed", Tool.uuid == ids.parse(named))
        nodes = await self.db.scalar(query)
        return UNKNOWN if nodes is None else await self._of_all(nodes)

    async def _of_agent(self, action: Mapping[str, Any]) -> Effect:
        named = str(action.get("releaseUuid") or action.get("agentUuid"))
        if ("agent", named) in self._seen:
            return Effect()
        self._seen.add(("agent", named))
        parts = await self.find_parts(self.db, action)
        return UNKNOWN if parts is None else await self._of_parts(parts)

    async def _of_parts(self, parts: Mapping[str, Any]) -> Effect:
        """What an agent that is made of these may do."""
        if parts.get("mcpClients"):
            return UNKNOWN
        effect = await self._of_all(parts.get("actions") or ())
        for resource in parts.get("resources") or ():
            if resource.get("kind") == "model" and not resource.get("isReadOnly", True):
                effect = effect.with_that_of(Effect("deletes"))
        slugs = {str(capability.get("slug")) for capability in parts.get("capabilities") or ()}
        writes = bool(slugs & _WRITING_CAPABILITIES)
        return effect.with_that_of(Effect("writes" if writes else "reads", bool(slugs & _OPEN_CAPABILITIES)))

    async def _of_all(self, actions: Iterable[Mapping[str, Any]]) -> Effect:
        effect = Effect()
        for action in actions:
            effect = effect.with_that_of(await self.of_action(action))
        return effect
