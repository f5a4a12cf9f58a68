"""The tools that an MCP server publishes: its actions, resources and capabilities, and the result of calling one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.agents import lookup
from cargo_ai.domains.ai.chats import effective
from cargo_ai.domains.ai.chats.calling import approval
from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Opening
from cargo_ai.domains.ai.chats.calling.runs_awaited import RunsAwaited
from cargo_ai.domains.ai.chats.calling.toolbox import Toolbox, Usable, open_toolbox, shown
from cargo_ai.domains.ai.chats.untrusted import unmarked
from cargo_ai.domains.ai.tables import McpServer
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.public import Effect, Effects, agent_tools
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool, ToolCall

Json = Any
WAIT_SECONDS = 50.0
"""For the end of a run: clients give up after a minute."""
RESULT_TOOL = "get_result"
_RESULT_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"handle": {"type": "string", "description": "The handle that the call gave."}},
    "required": ["handle"],
    "additionalProperties": False,
}
_RESULT_SENTENCE = "Gives the result of a call that was still running: wait for it with the handle that the call gave."


@dataclass(frozen=True, slots=True)
class PublishedTool:
    """A tool as it is offered. effect: what it does at most. for_readers: who may only read may call it, too."""

    name: str
    description: str
    schema: JsonObject
    effect: Effect
    for_readers: bool


class Published:
    """The tools of one MCP server for one request, performed in the name of a user."""

    def __init__(self, services: Services, server: McpServer, user: uuid.UUID, toolbox: Toolbox, effects: dict[str, Effect]) -> None:
        self._services, self._user, self._toolbox, self._effects = services, user, toolbox, effects
        self._server, self._name, self._workspace = server.uuid, server.name, server.workspace_uuid
        self._runs = services.once(RunsAwaited, lambda: RunsAwaited(services.database))
        if any(isinstance(usable, Usable) for usable in toolbox.usable.values()):
            toolbox.add(BuiltIn(Tool(RESULT_TOOL, _RESULT_SENTENCE, _RESULT_SCHEMA), self._result_of))

    @property
    def tools(self) -> list[PublishedTool]:
        """What is offered now."""
        return [
            PublishedTool(tool.name, tool.description, tool.parameters, self._effect(usable), self._for_readers(usable))
            for usable in self._toolbox.usable.values()
            for tool in (usable.tool,)
        ]

    @property
    def notes(self) -> str:
        """What is left out, and why."""
        return "\n".join([*self._toolbox.notes, *self._toolbox.problems])

    def for_readers(self, name: str) -> bool | None:
        """Whether who may only read may call a tool; None where there is no such tool."""
        usable = self._toolbox.usable.get(name)
        return None if usable is None else self._for_readers(usable)

    def _effect(self, usable: Usable | BuiltIn) -> Effect:
        return Effect(usable.hint, usable.is_open) if isinstance(usable, BuiltIn) else self._effects[usable.tool.name]

    def _for_readers(self, usable: Usable | BuiltIn) -> bool:
        # What a workflow or an agent does may change with each release of it: they are for those who may start runs.
        starts = isinstance(usable, Usable) and usable.action["kind"] in ("tool", "agent")
        return not starts and self._effect(usable).hint == "reads"

    async def call(self, name: str, arguments: JsonObject) -> tuple[Json, bool]:
        """What a call gives, and whether it failed."""
        asked = ToolCall(str(ids.new()), name, arguments)
        problem = self._toolbox.problem(asked)
        if problem is not None:
            return {"errorMessage": problem, "reason": "invalidInput"}, True
        usable = self._toolbox.usable[name]
        if isinstance(usable, BuiltIn):
            if usable.approval:
                return {"errorMessage": f"{name} requires approval, which only agents can ask for.", "reason": "approvalImpossible"}, True
            given = await usable.perform(arguments, asked.id)
            return unmarked(given.result), given.failed
        try:
            async with self._services.database.session(self._workspace) as db:
                question: JsonObject | None = None
                if usable.approval:
                    title = f"A program wants to call {name} of {self._name}"
                    question = await approval.question(db, title, usable.tool.description, self._user)
                run = await agent_tools.start(self._services, db, self._workspace, self._user, usable.action, arguments, None, question)
                await db.commit()
        except agent_tools.ToolUnusable as error:
            return {"errorMessage": str(error), "reason": "actionUnusable"}, True
        return await self._wait(run, approval.IN_PLACE_SECONDS if usable.approval else WAIT_SECONDS)

    async def _result_of(self, arguments: JsonObject, _key: str) -> Given:
        run, _, signature = str(arguments["handle"]).partition(".")
        uid = ids.parse(run)
        if uid is None or not self._services.secrets.verify(signature, *self._signed(uid)):
            return Given({"errorMessage": "This is not a handle that a call of this server gave.", "reason": "handleInvalid"}, failed=True)
        return Given(*await self._wait(uid, WAIT_SECONDS))

    async def _wait(self, run: uuid.UUID, seconds: float) -> tuple[Json, bool]:
        outcome = await self._runs.wait(self._workspace, run, seconds)
        if outcome is None:
            return await self._still(run), False
        if outcome.is_denied:
            return {"errorMessage": approval.denial(outcome.output.get("comment")), "reason": "denied"}, True
        return shown(outcome)

    async def _still(self, run: uuid.UUID) -> JsonObject:
        """What is said of a call whose run goes on."""
        handle = f"{run}.{self._services.secrets.sign(*self._signed(run))}"
        async with self._services.database.session(self._workspace) as db:
            review = await agent_tools.open_review_of(db, run)
        fetch = f"Call {RESULT_TOOL} with this handle for its result."
        if review is not None:
            note = f"A person has to approve it, in the console or by `cargo-ai orchestration review list`. {fetch}"
            return {"status": "waitingForApproval", "reviewUuid": str(review), "runUuid": str(run), "handle": handle, "note": note}
        return {"status": "running", "runUuid": str(run), "handle": handle, "note": f"It takes longer and goes on. {fetch}"}

    def _signed(self, run: uuid.UUID) -> tuple[str, ...]:
        return "mcp result", str(self._server), str(run)


async def open_published(services: Services, db: AsyncSession, server: McpServer, user: uuid.UUID) -> Published:
    """The tools of an MCP server, as the database has them now."""
    # Programs call a tool as often as they want to.
    actions = [{**action, "isBulkAllowed": False} for action in server.actions]
    given = {"actions": actions, "resources": server.resources, "capabilities": server.capabilities}
    plan = effective.plan(None, given)
    opening = Opening(services, server.workspace_uuid, user, None, ids.new(), ids.new(), plan, "")
    toolbox = await open_toolbox(opening, db)
    known = await connection.integrations(services, server.workspace_uuid)
    effects: dict[str, Effect] = {
        name: await Effects(services, db, known, _parts_of).of_action(usable.action)
        for name, usable in toolbox.usable.items()
        if isinstance(usable, Usable)
    }
    return Published(services, server, user, toolbox, effects)


async def _parts_of(db: AsyncSession, action: Mapping[str, Any]) -> JsonObject | None:
    """What the agent of an action or node is made of."""
    release = await lookup.named_release(db, ids.parse(str(action.get("agentUuid"))), ids.parse(str(action.get("releaseUuid"))))
    return None if release is None else release.parts
