"""Webhook events for agents: each begins a chat, in the transaction that records the event."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.agents import lookup
from cargo_ai.domains.ai.chats import sending
from cargo_ai.domains.ai.tables import Agent, Chat
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.tables import Reference

MAX_SHOWN = 50_000
"""Characters of an event that the agent is sent; the rest is left out."""


@dataclass(frozen=True, slots=True)
class HookedAgent:
    """An agent that is sent events. triggers: those by the connector."""

    agent: Agent
    release: uuid.UUID
    connector: uuid.UUID
    triggers: Sequence[JsonObject]

    async def take(self, db: AsyncSession, kind: str, record: Mapping[str, Any]) -> None:
        """Begin a chat about the event where one of the triggers is for its kind."""
        for trigger in self.triggers:
            config = cast("JsonObject", trigger["config"])
            if not config["types"] or kind in config["types"]:
                await self._begin(db, trigger["name"], str(config["text"]), record)
                return

    async def _begin(self, db: AsyncSession, name: str, text: str, record: Mapping[str, Any]) -> None:
        shown = json.dumps(record, ensure_ascii=False, default=str)
        if len(shown) > MAX_SHOWN:
            shown = f"{shown[:MAX_SHOWN]} (its first {MAX_SHOWN:,} of {len(shown):,} characters)"
        uid = ids.new()
        chat = Chat(
            uuid=uid,
            workspace_uuid=self.agent.workspace_uuid,
            user_uuid=self.agent.user_uuid,
            agent_uuid=self.agent.uuid,
            name=name,
            trigger={"type": "connector", "connectorUuid": str(self.connector), "integrationSlug": "webhook"},
            trace_uuid=uid,
        )
        db.add(chat)
        await db.flush()
        parts: list[JsonObject] = [{"type": "text", "text": text}, {"type": "text", "text": shown, "isUntrusted": True}]
        await sending.send(db, chat, self.agent.user_uuid, parts, {}, self.release)


async def of_connector(db: AsyncSession, connector: uuid.UUID) -> list[HookedAgent]:
    """The agents of the session's workspace that are sent a connector's events.

    Refusal (409) where one has nothing deployed: the sender keeps the event, and sends it again.
    """
    rows = await db.scalars(
        select(Agent)
        .join(Reference, (Reference.from_uuid == Agent.uuid) & (Reference.from_kind == "agent"))
        .where(Reference.to_kind == "connector", Reference.to_uuid == connector, Agent.deleted_at.is_(None))
        .order_by(Agent.uuid)
    )
    agents: list[HookedAgent] = []
    for agent in rows:
        triggers = [trigger for trigger in agent.triggers if trigger.get("connectorUuid") == str(connector)]
        release = await lookup.release_of(db, agent.uuid, "deployed") if triggers else None
        if triggers and release is None:
            sentence = f"The agent {agent.name!r} has nothing deployed, so that it cannot take this event. Send it again later."
            raise Refusal(409, "nothingDeployed", sentence)
        if release is not None:
            agents.append(HookedAgent(agent, release.uuid, connector, triggers))
    return agents
