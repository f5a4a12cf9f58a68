"""Agents in workflows: nodes of kind `agent` ask an agent, the native action `agent` a language model; both give `{"answer": ...}`.

A node's message is known by the key of its execution: one that is executed again after a death finds its message and goes on with it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.agents import language_model, lookup
from cargo_ai.domains.ai.chats import conversation, node_config
from cargo_ai.domains.ai.chats.answers import Answers
from cargo_ai.domains.ai.chats.sending import rows_of
from cargo_ai.domains.ai.tables import AgentRelease, Chat, Message
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, InvalidConfig, Later, Outcome, Perform
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject

Json = Any
IN_PLACE_SECONDS = 60.0
"""An answer that takes longer is not waited for in place: the run is parked and asks again."""
AGAIN_SECONDS = 5.0
AT_ONCE = 4
"""Nodes that are at the database at a time: half of the process's connections are left for the answers."""
PARKED_SECONDS = 15.0
"""When a run asks again whose answer waits for a person, another agent or a long run, should the end of the answer not wake it."""


class _NotConnectedYet(Exception):
    """The workspace has no language model. What runs on this machine is looked for when no session is open any more."""


class AgentNodes:
    """Executes nodes that ask; one per process."""

    def __init__(self, services: Services) -> None:
        self._services, self._database = services, services.database
        self._answers = services.once(Answers, lambda: Answers(services))
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def perform(self, call: Call) -> Outcome:
        """Ask, and wait for the answer: in place for a minute, then parked."""
        try:
            message = await self._send(call) if call.meta is None else uuid.UUID(call.meta["message"])
        except _NotConnectedYet:
            raise InvalidConfig(f"No language model is connected. {await language_model.set_up(self._services)}") from None
        await self._answers.adopt(message)
        ended = await self._answers.ended(message, IN_PLACE_SECONDS)
        async with self._turns, self._database.session(call.workspace) as db:
            row = await db.scalar(select(Message).where(Message.uuid == message))
        if row is None:
            return Failed("The chat of this node was removed before it had answered.")
        if row.finished_at is None:
            seconds = PARKED_SECONDS if row.awaits is not None else AGAIN_SECONDS if not ended else 1.0
            return Later(seconds, {"message": str(message)}, "the agent is answering")
        # Each step was charged when it was stored.
        charged = float((row.usage or {}).get("creditsUsedCount", 0))
        if row.status != "success":
            return Failed(row.error_message or f"The answer was {row.status}.", charged=charged)
        answer = _answer(row)
        title = answer if isinstance(answer, str) else ""
        return Done({"answer": answer, "chatUuid": str(row.chat_uuid), "messageUuid": str(row.uuid)}, title[:80], charged=charged)

    async def _send(self, call: Call) -> uuid.UUID:
        """The answer of this execution; chat and messages are made unless they are there. InvalidConfig where nothing can answer."""
        asked = node_config.read(call)
        async with self._turns, self._database.session(call.workspace) as db:
            known = await db.scalar(select(Message.uuid).where(Message.execution_key == call.key))
            if known is not None:
                return known
            await _check_models(db, asked.given.get("resources", []))
            agent, release = (None, None) if call.node.get("kind") == "native" else await _release(db, call.node)
            given = asked.given
            if release is None and not given.get("integrationSlug"):
                given |= await self._default(db, call.workspace, given)
            trigger = {"type": "workflow", "uuid": str(call.workflow), "nodeUuid": str(call.node.get("uuid")), "runUuid": str(call.run)}
            chat = Chat(uuid=ids.new(), workspace_uuid=call.workspace, agent_uuid=agent, trigger=trigger, trace_uuid=call.trace)
            db.add(chat)
            await db.flush()
            said, answer = rows_of(chat, None, [{"type": "text", "text": asked.text}], given, None if release is None else release.uuid)
            answer.execution_key = call.key
            # It begins as this process's, so that no other one takes it up in between.
            lease = self._answers.new_lease(answer.uuid)
            answer.owner, answer.leased_until, answer.status = self._answers.owner, clock.now() + self._answers.lease, "generating"
            db.add_all([said, answer])
            await db.flush()
            chat.last_message_uuid = answer.uuid
            await db.commit()
            self._answers.write(call.workspace, answer.uuid, lease)
            return answer.uuid

    async def _default(self, db: AsyncSession, workspace: uuid.UUID, given: JsonObject) -> JsonObject:
        """The language model of a node that names no integration: of its connector, else of the first service that is connected."""
        named = language_model.Named(None, given.get("connectorUuid"), given.get("languageModelSlug"))
        choice = await language_model.choose(self._services, db, workspace, named)
        if choice is None:
            raise _NotConnectedYet
        return {"integrationSlug": choice.integration_slug, "languageModelSlug": choice.language_model_slug}


async def _check_models(db: AsyncSession, resources: Sequence[JsonObject]) -> None:
    for resource in resources:
        uid = ids.parse(str(resource.get("modelUuid") or ""))
        if resource["kind"] == "model" and (uid is None or not await storage.model_exists(db, uid)):
            raise InvalidConfig(f"There is no model {resource.get('modelUuid')}: see `cargo-ai storage model list`.")


async def _release(db: AsyncSession, node: Mapping[str, Any]) -> tuple[uuid.UUID, AgentRelease]:
    agent = await lookup.find_agent(db, str(node.get("agentUuid") or ""))
    if agent is None:
        raise InvalidConfig(f"There is no agent {node.get('agentUuid')} (any more): see `{lookup.LIST}`.")
    named = node.get("releaseUuid")
    if named is not None:
        query = select(AgentRelease).where(AgentRelease.uuid == ids.parse(str(named)), AgentRelease.agent_uuid == agent.uuid)
        release = await db.scalar(query)
    else:
        release = await lookup.release_of(db, agent.uuid, "deployed")
    if release is None:
        raise InvalidConfig(f"The agent {agent.name!r} has nothing deployed: cargo-ai ai release deploy-draft --agent-uuid {agent.uuid}")
    return agent.uuid, release


def _answer(row: Message) -> Json:
    output = next((part["data"] for part in row.parts if part["type"] == "data-output"), None)
    return conversation.text_of(row.parts) if output is None else output


def _performer(services: Services) -> Perform:
    return services.once(AgentNodes, lambda: AgentNodes(services)).perform


def _declare(
    kind: Literal["native", "agent"], name: str, description: str, schema: JsonObject, slug: Literal["agent", "modelAsk"] = "agent"
) -> Action[Call]:
    return Action(
        slug=slug,
        kind=kind,
        name=name,
        description=description,
        category="ai",
        does="acts",
        # The message of an execution is asked for once, whatever happens to the process.
        idempotency="key",
        config_schema=schema,
        output_schema=node_config.OUTPUT_SCHEMA,
        verbatim=frozenset({"output"}),
        needs_run=True,
        performer=_performer,
    )


ACTIONS = (
    _declare("agent", "Agent", "Asks an agent of the workspace.", node_config.AGENT_SCHEMA),
    _declare("native", "Ask an agent", "Asks a language model, with instructions and actions of its own.", node_config.INSTRUCT_SCHEMA),
    _declare(
        "native",
        "Ask about records",
        "Has a language model answer a question about the records of a model.",
        node_config.MODEL_ASK_SCHEMA,
        node_config.MODEL_ASK,
    ),
)
