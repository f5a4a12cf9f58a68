"""Suggested actions: a language model proposes what a user could say next to an agent."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.contract.ai import fields
from cargo_ai.contract.ai import suggested_action as contract
from cargo_ai.contract.ai.message import MessageUsage
from cargo_ai.domains.ai.agents import language_model, lookup, parts
from cargo_ai.domains.ai.asking import given_before, suggest
from cargo_ai.domains.ai.asking.structured import Structured, Wish
from cargo_ai.domains.ai.chats import conversation
from cargo_ai.domains.ai.prompts.prompt import ask
from cargo_ai.domains.ai.tables import AgentRelease, Message
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Turn

FRESH = timedelta(hours=1)


async def _suggest(prepared: Preparation, request: contract.GenerateSuggestedActions) -> Structured:
    workspace = prepared.who.workspace_uuid
    async with prepared.services.database.session(workspace) as db:
        given, talk = await _parts_and_talk(db, request)
    wish = _wish(request, given, talk)
    if request.cache_key is None:
        return await _ask(prepared, wish, given)
    # All that the reply depends on, so that a key that stands for two things does no harm.
    depends = json.dumps(["suggestions", request.cache_key, wish.text, str(wish.named)])
    digest = hashlib.sha256(depends.encode("utf-8", "surrogatepass")).hexdigest()
    async with prepared.services.database.session(workspace) as db:
        kept = await given_before.find(db, digest, clock.now() - FRESH)
    if kept is not None:
        return Structured(kept["reply"], kept["usage"])
    reply = await _ask(prepared, wish, given)
    async with prepared.services.database.session(workspace) as db:
        await given_before.keep(db, workspace, digest, {"reply": reply.value, "usage": reply.usage})
        await db.commit()
    return reply


async def _ask(prepared: Preparation, wish: Wish, given: JsonObject) -> Structured:
    reply = await ask(prepared, contract.generate, wish)
    return Structured({"suggestions": suggest.suggestions(reply.value, given["actions"])}, reply.usage)


async def _parts_and_talk(db: AsyncSession, request: contract.GenerateSuggestedActions) -> tuple[JsonObject, str]:
    """What the agent is made of, with what the request gives in its place, and the conversation. Raises Refusal."""
    base, talk = parts.empty("", ""), ""
    agent = request.agent_uuid
    if request.message_uuid is not None:
        message = await db.scalar(select(Message).where(Message.uuid == ids.parse(request.message_uuid), Message.deleted_at.is_(None)))
        if message is None:
            contract.generate.refuse("messageNotFound", uuid=request.message_uuid)
        turns = await conversation.turns_before(db, message.chat_uuid, message.uuid)
        if message.type == "assistant" and turns:
            turns[-1] = conversation.turn_of(turns[-1].text, message.steps)
        elif message.type == "user":
            turns.append(Turn(conversation.text_of(message.parts)))
        talk = suggest.talk_of(turns)
        release = await db.scalar(select(AgentRelease).where(AgentRelease.uuid == message.release_uuid)) if message.release_uuid else None
        base = base | (release.parts if release is not None else {})
    if agent is not None:
        row = await lookup.find_agent(db, agent)
        if row is None:
            contract.generate.refuse("agentNotFound", uuid=agent, fix=lookup.LIST)
        release = await lookup.release_of(db, row.uuid, "deployed") or await lookup.release_of(db, row.uuid, "draft")
        base = base | (release.parts if release is not None else {})
    wire = request.to_wire()
    names = ("systemPrompt", "actions", "resources", "capabilities")
    return base | {name: wire[name] for name in names if wire[name] is not None}, talk


def _wish(request: contract.GenerateSuggestedActions, given: JsonObject, talk: str) -> Wish:
    slugs = [capability["slug"] for capability in given["capabilities"]]
    about = suggest.about(given["systemPrompt"], given["actions"], given["resources"], slugs)
    if request.context_prompt:
        about += f"\n\nWhat else is known: {request.context_prompt}"
    if request.integration_slug or request.connector_uuid or not given["integrationSlug"]:
        named = language_model.Named(request.integration_slug, request.connector_uuid, request.language_model_slug)
    else:
        slug = request.language_model_slug or given["languageModelSlug"] or None
        named = language_model.Named(given["integrationSlug"], given["connectorUuid"], slug)
    return suggest.wish(about, talk, given["actions"], named)


@handles(contract.generate, before=_suggest)
async def generate(ctx: Context, _request: contract.GenerateSuggestedActions) -> contract.SuggestedActionsReply:
    """The suggestions."""
    reply = cast("Structured", ctx.prepared)
    suggestions = [fields.SuggestedAction.model_validate(suggestion) for suggestion in reply.value["suggestions"]]
    return contract.SuggestedActionsReply(suggested_actions=suggestions, usage=MessageUsage.model_validate(reply.usage))
