"""Calls: carry out what a step of an answer calls: ask a person where that is needed, then start a run or a sub-agent, or perform a tool.

What a call waits for is noted in its step in the transaction that starts it, so that a process that takes the answer up waits for the same.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats.calling import approval, sub_agent
from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Opening
from cargo_ai.domains.ai.chats.calling.runs_awaited import RunsAwaited
from cargo_ai.domains.ai.chats.calling.toolbox import Bulk, SubAgent, Toolbox, Usable, arguments_of, shortened, shown, shown_in_bulk
from cargo_ai.domains.orchestration.public import agent_tools
from cargo_ai.engine.journal import crash_points
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm import storable
from cargo_ai.llm.step import ToolCall
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.session import Database

Json = Any
CALLS_AT_ONCE = 16
IN_PLACE_SECONDS = 20.0
"""How long a run is waited for before the answer is parked."""

_log = log.get(__name__)
Put = Callable[[AsyncSession], Awaitable[None]]


class Parked(Exception):
    """What is left waits for others, perhaps for long. awaits: the runs and messages, one of which has to end."""

    def __init__(self, awaits: list[uuid.UUID]) -> None:
        super().__init__(f"{len(awaits)} calls wait")
        self.awaits = awaits


class Calls:
    """Carries out the calls of one answer. put: notes the steps as they are, in a session; saving: held by who puts."""

    def __init__(self, opening: Opening, toolbox: Toolbox, put: Put, saving: asyncio.Lock) -> None:
        self._opening, self._toolbox, self._put, self._saving = opening, toolbox, put, saving
        services = opening.services
        self._database: Database = services.database
        self._runs = services.once(RunsAwaited, lambda: RunsAwaited(services.database))
        self._parents = agent_tools.Parents(opening.agent, opening.chat, opening.message)

    async def carry_out(self, step: JsonObject, number: int) -> None:
        """Carry out the calls of a step that have no result yet, several at once. Raises Parked where some then still wait."""
        keyed = [(call, f"{self._opening.message}:{number}:{place}") for place, call in enumerate(step["calls"]) if "result" not in call]
        if not keyed:
            return
        gate = asyncio.Semaphore(CALLS_AT_ONCE)
        awaits: list[uuid.UUID] = []

        async def carry_out_one(call: JsonObject, key: str) -> None:
            async with gate:
                waits_for = await self._call(call, key)
            if waits_for is not None:
                awaits.append(waits_for)

        async with asyncio.TaskGroup() as group:
            for call, key in keyed:
                group.create_task(carry_out_one(call, key))
        if awaits:
            raise Parked(awaits)

    async def _call(self, call: JsonObject, key: str) -> uuid.UUID | None:
        """Carry out a call as far as that is possible now; what it still waits for. key: of the call, the same after a death."""
        if "run" in call:
            return await self._await_run(call)
        if "runs" in call:
            return await self._await_runs(call)
        if "message" in call:
            return await self._await_message(call)
        asked = ToolCall(call["id"], call["name"], call["arguments"])
        problem = self._toolbox.problem(asked)
        if problem is not None:
            return await self._refuse(call, problem)
        usable = self._toolbox.usable[asked.name]
        if usable.approval and not call.get("approval", {}).get("approved"):
            waits_for = await self._ask_for_approval(call, usable.tool.description)
            if waits_for is not None or "result" in call:
                return waits_for
            asked = ToolCall(call["id"], call["name"], call["arguments"])
            problem = self._toolbox.problem(asked)
            if problem is not None:
                return await self._refuse(call, f"A person has changed the arguments, and they do not fit: {problem}")
        if isinstance(usable, BuiltIn):
            given = await _perform(usable, asked, key)
            crash_points.point("after built-in tool")
            call |= {"result": shortened(given.result), "failed": given.failed, "parts": list(given.parts)}
            await self._save()
            return None
        problem = await self._start(call, usable, asked)
        if problem is not None:
            return await self._refuse(call, problem)
        return await self._call(call, key)

    async def _refuse(self, call: JsonObject, problem: str) -> None:
        call |= {"result": {"error": problem}, "failed": True, "ours": True, "arguments": call["arguments"] or {}}
        await self._save()

    async def _ask_for_approval(self, call: JsonObject, purpose: str) -> uuid.UUID | None:
        """Have a person decide; None when that is done: a call that is denied then has a result. Otherwise what is waited for."""
        noted = call.get("approval")
        if noted is None:
            async with self._saving, self._database.session(self._opening.workspace) as db:
                run = await approval.ask(self._opening, db, call, purpose, self._parents)
                await self._note(db, call, "approval", {"run": str(run)})
        run = uuid.UUID(call["approval"]["run"])
        until = clock.seconds() + approval.REVIEW_SECONDS
        while (outcome := await self._runs.wait(self._opening.workspace, run, approval.IN_PLACE_SECONDS)) is None:
            async with self._saving, self._database.session(self._opening.workspace) as db:
                if await approval.note_review(db, call):
                    await self._put(db)
                    await db.commit()
            if "review" in call["approval"] or clock.seconds() > until:
                return run
        approval.decide(call, outcome)
        await self._save()
        return None

    async def _start(self, call: JsonObject, usable: Usable | SubAgent, asked: ToolCall) -> str | None:
        """Start the run or the sub-agent of a call, and note it in the same transaction; what is wrong where it cannot be started."""
        opening, arguments = self._opening, dict(arguments_of(asked))
        async with self._saving:
            try:
                async with self._database.session(opening.workspace) as db:
                    if isinstance(usable, SubAgent):
                        started = await sub_agent.start(opening, db, usable.action, arguments)
                        await self._note(db, call, "message", str(started.message))
                        return None
                    runs = [
                        await agent_tools.start(opening.services, db, opening.workspace, opening.user, usable.action, given, self._parents)
                        for given in (arguments["items"] if isinstance(usable, Bulk) else [arguments])
                    ]
                    if isinstance(usable, Bulk):
                        await self._note(db, call, "runs", [str(run) for run in runs])
                    else:
                        await self._note(db, call, "run", str(runs[0]))
            except (agent_tools.ToolUnusable, sub_agent.NotStarted) as error:
                return str(error)
        return None

    async def _note(self, db: AsyncSession, call: JsonObject, name: str, value: Json) -> None:
        """Note what was started, and commit; nothing is noted where that fails."""
        call[name] = value
        try:
            await self._put(db)
            await db.commit()
        except BaseException:
            del call[name]
            raise

    async def _await_run(self, call: JsonObject) -> uuid.UUID | None:
        run = uuid.UUID(call["run"])
        if self._goes_on(call):
            call |= {"result": {"runUuid": str(run), "note": "It was started; its result is not waited for."}, "failed": False}
            await self._save()
            return None
        outcome = await self._runs.wait(self._opening.workspace, run, IN_PLACE_SECONDS)
        if outcome is None:
            return run
        result, failed = shown(outcome)
        call |= {"result": result, "failed": failed}
        await self._save()
        return None

    async def _await_runs(self, call: JsonObject) -> uuid.UUID | None:
        """The runs of a call in bulk: the first one that has not ended is what is waited for."""
        if self._goes_on(call):
            call |= {"result": {"runUuids": call["runs"], "note": "They were started; their results are not waited for."}, "failed": False}
            await self._save()
            return None
        runs = [uuid.UUID(run) for run in call["runs"]]
        outcomes = await asyncio.gather(*(self._runs.wait(self._opening.workspace, run, IN_PLACE_SECONDS) for run in runs))
        ended = [outcome for outcome in outcomes if outcome is not None]
        if len(ended) < len(runs):
            return runs[outcomes.index(None)]
        result, failed = shown_in_bulk(ended)
        call |= {"result": result, "failed": failed}
        await self._save()
        return None

    async def _await_message(self, call: JsonObject) -> uuid.UUID | None:
        message = uuid.UUID(call["message"])
        if self._goes_on(call):
            call |= {"result": {"messageUuid": str(message), "note": "It was started; its answer is not waited for."}, "failed": False}
            await self._save()
            return None
        async with self._database.session(self._opening.workspace) as db:
            outcome = await sub_agent.outcome(db, message)
        if outcome is None:
            return message
        call |= {"result": shortened(outcome.result), "failed": outcome.failed}
        await self._save()
        return None

    def _goes_on(self, call: JsonObject) -> bool:
        """Whether the release says that a call's end is not waited for."""
        usable = self._toolbox.usable.get(call["name"])
        return usable is not None and not isinstance(usable, BuiltIn) and usable.action.get("waitUntilFinished") is False

    async def _save(self) -> None:
        async def store() -> None:
            async with self._saving, self._database.session(self._opening.workspace) as db:
                await self._put(db)
                await db.commit()

        await retry_until_available("storing the result of a call", store)


async def _perform(tool: BuiltIn, asked: ToolCall, key: str) -> Given:
    """What a built-in tool gives. One that breaks does not break the answer, nor does one whose result cannot be stored as it is."""
    try:
        given = await tool.perform(dict(arguments_of(asked)), key)
        return replace(given, result=storable.json(given.result), parts=storable.json(list(given.parts)))
    except DATABASE_UNAVAILABLE:
        raise
    except storable.TooDeep as error:
        return Given({"error": f"The tool gave a result that is {error}."}, failed=True)
    except Exception:
        _log.exception("a built-in tool broke", tool=asked.name, key=key)
        return Given({"error": "The tool broke; the server's log has the details."}, failed=True)
