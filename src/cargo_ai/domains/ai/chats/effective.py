"""The effective plan of an answer: the parts of the chat's release, overridden by what the message sets."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.agents import lookup, parts
from cargo_ai.domains.ai.tables import AgentRelease, Chat
from cargo_ai.kernel.wire import JsonObject

Json = Any


class NothingAnswers(Exception):
    """No release answers in the chat; the message is for the user, `fix` the command that helps."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A language model, and whose account asks it; None: the integration's default connector."""

    integration_slug: str
    connector_uuid: str | None
    language_model_slug: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How an answer is written."""

    integration_slug: str
    connector_uuid: str | None
    language_model_slug: str
    system_prompt: str
    temperature: float | None
    max_steps: int
    reasons: bool
    actions: list[JsonObject]
    resources: list[JsonObject]
    capabilities: Mapping[str, JsonObject]
    """The config of each, by its slug."""
    mcp_clients: list[JsonObject]
    """As they are stored: tokens sealed."""
    suggested_actions: list[JsonObject]
    heartbeat: JsonObject | None
    evaluator: JsonObject | None
    output: JsonObject | None
    """The JSON Schema of the answer; None: a text."""
    fallbacks: Sequence[ModelChoice] = ()
    """Asked in this order where the language model is overloaded."""

    @property
    def choices(self) -> list[ModelChoice]:
        """The language models in the order in which they are asked."""
        return [ModelChoice(self.integration_slug, self.connector_uuid, self.language_model_slug), *self.fallbacks]


async def release_of_chat(db: AsyncSession, chat: Chat) -> AgentRelease | None:
    """The release that answers: the one that the chat names, the draft in a chat that tries it, else the deployed one.

    None for a chat without an agent. NothingAnswers where the agent is gone or has nothing deployed.
    """
    if chat.agent_uuid is None:
        return None
    agent = await lookup.find_agent(db, chat.agent_uuid)
    if agent is None:
        raise NothingAnswers("The agent of this chat was removed.", lookup.LIST)
    if chat.release_uuid is not None:
        return await db.scalar(select(AgentRelease).where(AgentRelease.uuid == chat.release_uuid))
    release = await lookup.release_of(db, agent.uuid, "draft" if chat.trigger.get("type") == "draft" else "deployed")
    if release is None:
        fix = f"cargo-ai ai release deploy-draft --agent-uuid {agent.uuid}"
        raise NothingAnswers(f"The agent {agent.name!r} has nothing deployed; a chat with the trigger draft talks to its draft.", fix)
    return release


async def parts_of_chats(db: AsyncSession, chats: Sequence[Chat], names: Sequence[str]) -> dict[uuid.UUID, JsonObject]:
    """These parts of the releases that answer in the chats, by chat, in one statement; none where no release does."""
    agents = {chat.agent_uuid for chat in chats if chat.agent_uuid is not None}
    named = {chat.release_uuid for chat in chats if chat.release_uuid is not None}
    if not agents and not named:
        return {}
    current = AgentRelease.agent_uuid.in_(agents) & AgentRelease.status.in_(("draft", "deployed"))
    columns = [AgentRelease.parts[name].label(name) for name in names]
    query = select(AgentRelease.uuid, AgentRelease.agent_uuid, AgentRelease.status, *columns)
    by_key: dict[Any, JsonObject] = {}
    for row in (await db.execute(query.where(current | AgentRelease.uuid.in_(named)))).mappings():
        by_key[row["uuid"]] = by_key[row["agent_uuid"], row["status"]] = {name: row[name] for name in names if row[name] is not None}
    kinds = {chat.uuid: "draft" if chat.trigger.get("type") == "draft" else "deployed" for chat in chats}
    return {chat.uuid: by_key.get(chat.release_uuid or (chat.agent_uuid, kinds[chat.uuid]), {}) for chat in chats}


def plan(release_parts: Mapping[str, Any] | None, given: Mapping[str, Any]) -> Plan:
    """The parts of a release with what is given in their place; without a release, what is given alone."""
    merged: JsonObject = {**(release_parts if release_parts is not None else parts.empty("", "")), **given}
    output = cast("JsonObject", merged.get("output") or {})
    return Plan(
        integration_slug=merged["integrationSlug"],
        connector_uuid=merged["connectorUuid"],
        language_model_slug=merged["languageModelSlug"],
        system_prompt=merged["systemPrompt"],
        temperature=merged["temperature"],
        max_steps=int(merged["maxSteps"]),
        reasons=bool(merged["withReasoning"]),
        actions=merged["actions"],
        resources=merged["resources"],
        capabilities={capability["slug"]: capability.get("config") or {} for capability in merged["capabilities"]},
        mcp_clients=merged["mcpClients"],
        suggested_actions=merged["suggestedActions"],
        heartbeat=merged["heartbeat"],
        evaluator=merged["evaluator"],
        output=output.get("jsonSchema") if output.get("type") == "jsonSchema" else None,
        fallbacks=[
            ModelChoice(model["integrationSlug"], model.get("connectorUuid"), model["languageModelSlug"])
            for model in cast("list[JsonObject]", merged.get("fallbackLanguageModels") or [])
        ],
    )
