"""Agents in workflows: nodes of kind `agent` ask an agent, the native action `agent` a language model; both give `{"answer": ...}`.

A node's message is known by the key of its execution: one that is executed again after a death finds its message and goes on with it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.agents import language_model
from cargo_ai.domains.ai.chats import conversation
from cargo_ai.domains.ai.chats.answering.answer import Ended
from cargo_ai.domains.ai.chats.answering.answers import Answers
from cargo_ai.domains.ai.chats.nodes import beginning, node_config
from cargo_ai.domains.ai.chats.nodes.beginning import Beginning
from cargo_ai.domains.ai.tables import Message
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, InvalidConfig, Later, Outcome, Perform
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

Json = Any
IN_PLACE_SECONDS = 60.0
"""An answer that takes longer is not waited for in place: the run is parked and asks again."""
AGAIN_SECONDS = 5.0
AT_ONCE = 4
"""Nodes that read at a time what is not stored in groups: half of the process's connections are left for the answers."""
PARKED_SECONDS = 15.0
"""When a run asks again whose answer waits for a person, another agent or a long run, should the end of the answer not wake it."""
NO_RELEASE = uuid.UUID(int=0)


class _NotConnectedYet(Exception):
    """The workspace has no language model. What runs on this machine is looked for when no session is open any more."""


class AgentNodes:
    """Executes nodes that ask; one per process."""

    def __init__(self, services: Services) -> None:
        self._services, self._database = services, services.database
        answers = services.once(Answers, lambda: Answers(services))
        self._answers = answers
        self._beginning = services.once(Beginning, lambda: Beginning(services.database, answers.owner, answers.lease))
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def perform(self, call: Call) -> Outcome:
        """Ask, and wait for the answer: in place for a minute, then parked."""
        answer = None
        if call.meta is None:
            try:
                asked = await self._complete(call, node_config.read(call))
            except _NotConnectedYet:
                raise InvalidConfig(f"No language model is connected. {await language_model.set_up(self._services)}") from None
            request = _request(call, asked)
            lease = self._answers.new_lease(request.answer)
            begun = await self._beginning.begin(request)
            message = begun.message
            if begun.origin is not None:
                answer = self._answers.write(call.workspace, message, lease, begun.origin)
        else:
            message = uuid.UUID(call.meta["message"])
        if answer is None:
            await self._answers.adopt(message)
        has_stopped = await self._answers.ended(message, IN_PLACE_SECONDS)
        if answer is not None and answer.ended is not None:
            return _outcome(message, answer.ended)
        return await self._look(call.workspace, message, has_stopped=has_stopped)

    async def _look(self, workspace: uuid.UUID, message: uuid.UUID, *, has_stopped: bool) -> Outcome:
        """The outcome as it is stored; Later where the answer has not ended. has_stopped: this process does not write it any more."""
        async with self._turns, self._database.session(workspace) as db:
            row = await db.scalar(select(Message).where(Message.uuid == message))
        if row is None:
            return Failed("The chat of this node was removed before it had answered.")
        if row.finished_at is None:
            seconds = PARKED_SECONDS if row.awaits is not None else AGAIN_SECONDS if not has_stopped else 1.0
            return Later(seconds, {"message": str(message)}, "the agent is answering")
        credits = float((row.usage or {}).get("creditsUsedCount", 0))
        return _outcome(message, Ended(row.chat_uuid, row.status, row.error_message, row.parts, credits))

    async def _complete(self, call: Call, asked: node_config.Asked) -> node_config.Asked:
        """What is asked, with the workspace's language model where the node names none. InvalidConfig for a model that is not there."""
        is_native, resources = call.node.get("kind") == "native", asked.given.get("resources", [])
        if not resources and not (is_native and not asked.given.get("integrationSlug")):
            return asked
        async with self._turns, self._database.session(call.workspace) as db:
            await _check_models(db, resources)
            if is_native and not asked.given.get("integrationSlug"):
                default = await self._default(db, call.workspace, asked.given)
                return node_config.Asked(asked.text, asked.given | default)
        return asked

    async def _default(self, db: AsyncSession, workspace: uuid.UUID, given: JsonObject) -> JsonObject:
        """The language model of a node that names no integration: of its connector, else of the first service that is connected."""
        named = language_model.Named(None, given.get("connectorUuid"), given.get("languageModelSlug"))
        choice = await language_model.choose(self._services, db, workspace, named)
        if choice is None:
            raise _NotConnectedYet
        return {"integrationSlug": choice.integration_slug, "languageModelSlug": choice.language_model_slug}


def _request(call: Call, asked: node_config.Asked) -> beginning.Request:
    """What is asked for. InvalidConfig where the node names no agent."""
    agent = release = None
    if call.node.get("kind") != "native":
        named = call.node.get("agentUuid")
        agent = ids.parse(str(named))
        if agent is None:
            raise beginning.no_agent(str(named))
        release = None if call.node.get("releaseUuid") is None else ids.parse(str(call.node["releaseUuid"])) or NO_RELEASE
    trigger = {"type": "workflow", "uuid": str(call.workflow), "nodeUuid": str(call.node.get("uuid")), "runUuid": str(call.run)}
    return beginning.Request(
        workspace=call.workspace,
        key=call.key,
        agent=agent,
        release=release,
        text=asked.text,
        given=asked.given,
        trigger=trigger,
        trace=call.trace,
        repeated=call.repeated,
        # In this order: messages are in that of their ids.
        sent=ids.new(),
        answer=ids.new(),
    )


async def _check_models(db: AsyncSession, resources: Sequence[JsonObject]) -> None:
    for resource in resources:
        uid = ids.parse(str(resource.get("modelUuid") or ""))
        if resource["kind"] == "model" and (uid is None or not await storage.model_exists(db, uid)):
            raise InvalidConfig(f"There is no model {resource.get('modelUuid')}: see `cargo-ai storage model list`.")


def _outcome(message: uuid.UUID, ended: Ended) -> Outcome:
    # Each step was charged when it was stored.
    if ended.status != "success":
        return Failed(ended.error or f"The answer was {ended.status}.", charged=ended.credits)
    output = next((part["data"] for part in ended.shown if part["type"] == "data-output"), None)
    answer: Json = conversation.text_of(ended.shown) if output is None else output
    title = answer if isinstance(answer, str) else ""
    return Done({"answer": answer, "chatUuid": str(ended.chat), "messageUuid": str(message)}, title[:80], charged=ended.credits)


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
