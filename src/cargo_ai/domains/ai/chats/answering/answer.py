"""One answer: ask the language model step by step, carry out what it calls, and store each step when it ends.

A step that is stored is never done again: the process that takes the answer up after a death goes on after it, and a call whose run was
started waits for that run.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.afterwards import due as afterwards
from cargo_ai.domains.ai.agents import daily_limit
from cargo_ai.domains.ai.asking import charging, usage
from cargo_ai.domains.ai.asking.admitting import Admitting, Asking
from cargo_ai.domains.ai.chats import conversation, effective
from cargo_ai.domains.ai.chats.answering import cancelling, origin, parking
from cargo_ai.domains.ai.chats.answering.asker import Asked, Asker, Failed
from cargo_ai.domains.ai.chats.answering.lease import AnswerLost, Lease
from cargo_ai.domains.ai.chats.answering.origin import CancelledBefore, Origin
from cargo_ai.domains.ai.chats.calling.calls import Calls, Parked
from cargo_ai.domains.ai.chats.calling.offer import Opening
from cargo_ai.domains.ai.chats.calling.toolbox import Toolbox, open_toolbox
from cargo_ai.domains.ai.chats.nodes.ending import End, Ending, LastStep
from cargo_ai.domains.ai.chats.untrusted import OPEN
from cargo_ai.domains.ai.live import notes
from cargo_ai.domains.ai.live.speaker import Speaker
from cargo_ai.domains.ai.tables import Message
from cargo_ai.kernel import clock
from cargo_ai.kernel.schemas import json_schema
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import OUTPUT, Hear, Question, Step, ToolCall, Turn
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.driver import driver_connection

Json = Any
_NAME = "The answer was not given by the tool that it must be given by."
_CUT: JsonObject = {
    "type": "data-warning",
    "data": {"reason": "answerCut", "message": "The language model came to its limit of tokens: its answer is not whole."},
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How an answer has ended. shown: its parts on the wire. credits: that it cost."""

    chat: uuid.UUID
    status: str
    error: str | None
    shown: Sequence[JsonObject]
    credits: float


class Answer:
    """Writes one answer, which this process has claimed. begins_from: its origin, where this process has just stored it."""

    def __init__(
        self,
        services: Services,
        workspace: uuid.UUID,
        message: uuid.UUID,
        owner: uuid.UUID,
        lease: Lease,
        begins_from: Origin | None = None,
    ) -> None:
        self._services, self._workspace, self._message, self._owner = services, workspace, message, owner
        self.lease, self._begins_from = lease, begins_from
        self.ended: Ended | None = None
        """How it has ended, where that was stored by this process for a node."""
        self._ending = services.once(Ending, lambda: Ending(services.database, owner))
        self._admitting = services.once(Admitting, lambda: Admitting(services.database))
        self._speaker = services.once(Speaker, lambda: Speaker(services))
        self._line = self._speaker.line(message)
        self._steps: list[JsonObject] = []
        self._said: list[JsonObject] = []
        self._uncounted: Asked | None = None
        self._usage: JsonObject = {}
        self._counted: JsonObject = {}
        self._limited = self._goes_on = self._of_node = False
        self._number = 0
        self._afterwards: datetime | None = None
        self._saving = asyncio.Lock()

    async def write(self) -> None:
        """From where it is to its end. AnswerLost when another process has it."""
        self._line, self._uncounted = self._speaker.line(self._message), None
        try:
            await self._open()
            answer = await self._walk()
        except Failed as error:
            if error.asked is not None:
                self._uncounted, self._number = error.asked, len(self._steps) + 1
            await self._end("error", str(error))
        except Parked as parked:
            async with self._saving:
                is_parked = await parking.park(self._services.database, self._workspace, self._message, self._owner, parked.awaits)
            if not is_parked:
                await self.cancelled()
        except CancelledBefore:
            await self.cancelled()
        else:
            await self._end("success", None, answer)
        finally:
            self._speaker.close(self._message)

    async def cancelled(self) -> None:
        """End it as cancelled, with what it waits for; what was written stays, also of a step that had not ended."""
        async with self._services.database.session(self._workspace) as db:
            await cancelling.cancel_below(db, self._workspace, [self._message])
            await db.commit()
        if self._line.step == len(self._steps) and (written := self._line.text):
            self._said = [{"type": "text", "text": written, "state": "done"}]
        await self._end("cancelled", None)

    async def broken(self) -> None:
        """End it in error after a bug of ours."""
        # Counting may be what broke.
        self._uncounted = None
        await self._end("error", "The answer broke; the server's log has the details.")

    @property
    def has_afterwards(self) -> bool:
        """Whether something is left to be done after it."""
        return self._afterwards is not None

    async def _open(self) -> None:
        async with self._services.database.session(self._workspace) as db:
            # What is known of an answer that was just stored holds once: after a failure it is read.
            begun, self._begins_from = self._begins_from, None
            begun = begun or await origin.read(db, self._message)
            self._steps, self._goes_on, self._usage = begun.steps, bool(begun.steps), begun.usage
            self._chat, self._agent, self._user = begun.chat, begun.chat.agent_uuid, begun.user
            self._plan, self._turns, self._limited = begun.plan, begun.turns, begun.is_limited
            self._asker = Asker(self._services, self._workspace, self._plan.choices, self.lease.hold)
            if self._steps and (model := self._steps[-1].get("model")) is not None:
                self._asker.go_on_with(effective.ModelChoice(*model))
            # Those of workflows are many, and seldom watched: they are streamed only when they are.
            self._of_node = begun.of_node
            self._afterwards = afterwards.due(self._plan)
            opening = Opening(
                services=self._services,
                workspace=self._workspace,
                user=self._user,
                agent=self._agent,
                chat=self._chat.uuid,
                message=self._message,
                plan=self._plan,
                text=self._turns[-1].text,
            )
            self._toolbox: Toolbox = await open_toolbox(opening, db)
            self._toolbox.hears_marked = any(OPEN in turn.text for turn in self._turns)
            self._calls = Calls(opening, self._toolbox, self._put, self._saving)
        await self._asker.connect()

    async def _walk(self) -> Json:
        """Step after step; the answer that holds to the schema, None for one in words."""
        if self._steps:
            await self._carry_out(self._steps[-1])
        elif self._plan.output is not None:
            _check_schema(self._plan.output)
        while True:
            if len(self._steps) >= self._plan.max_steps:
                raise Failed(f"The agent took {self._plan.max_steps} steps (maxSteps) without coming to an end.")
            last = self._steps[-1] if self._steps else None
            if last is not None and not last["calls"]:
                return None
            if last is not None and "answer" in last:
                return last["answer"]
            asked = await self._ask()
            step = asked.step
            stored = conversation.new_step(
                step.response,
                step.text,
                step.thoughts,
                [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in step.calls],
            )
            stored["model"] = [asked.model.integration_slug, asked.model.connector_uuid, asked.model.language_model_slug]
            cut = [_CUT] if step.is_cut and not step.calls else []
            stored["warnings"] = [*([] if self._steps else self._toolbox.warnings), *asked.warnings, *cut]
            stored["attempt"] = self._line.attempt
            self._uncounted, self._number = asked, len(self._steps) + 1
            self._judge(step, stored)
            self._steps.append(stored)
            if not stored["calls"] or "answer" in stored:
                # The last step is stored with the end, in one transaction.
                return stored.get("answer")
            await self._save()
            await self._carry_out(stored)

    def _judge(self, step: Step, stored: JsonObject) -> None:
        """Note the answer that holds to the schema, or what is wrong with it: the model hears of that, once."""
        if self._plan.output is None or step.calls:
            return
        call = step.output
        problem = _NAME if call is None else _problem(call, self._plan.output)
        if problem is None and call is not None:
            stored["calls"] = [{"id": call.id, "name": OUTPUT, "arguments": call.arguments, "result": "ok", "unseen": True}]
            stored["answer"] = call.arguments
            return
        if any(former.get("repaired") for former in self._steps) or call is None:
            raise Failed(f"The answer does not match the schema: {problem}")
        stored["repaired"] = True
        stored["calls"] = [
            {"id": call.id, "name": OUTPUT, "arguments": call.arguments or {}, "result": problem, "failed": True, "unseen": True}
        ]

    async def _ask(self) -> Asked:
        plan, turns = self._plan, self._turns
        present = Turn(turns[-1].text, conversation.turn_of("", self._steps).steps)
        question = Question(
            protocol="openai",
            model=plan.language_model_slug,
            system=plan.system_prompt + self._toolbox.system,
            turns=[*turns[:-1], present],
            tools=self._toolbox.tools,
            output=plan.output,
            temperature=plan.temperature,
            reasons=plan.reasons,
        )
        self._line.attempt = ""
        service = await self._asker.connect()
        limited = None
        if self._agent is not None and self._limited:
            most = daily_limit.most_tokens(question)
            limited = daily_limit.Wanted(self._workspace, self._agent, self._message, daily_limit.Taken(most, service.credits(most)))
        try:
            await self._admitting.admit(Asking(self._workspace, service, limited))
        except (daily_limit.LimitReached, charging.NoCreditsLeft) as error:
            raise Failed(str(error)) from None
        streamed = not self._of_node or self._speaker.is_watched(self._message)
        return await self._asker.ask(question, self._listen if streamed else None)

    def _listen(self) -> Hear:
        """A step begins, perhaps again: what gets its pieces."""
        self._line.begin(len(self._steps))
        self._speaker.wake(self._line)
        return lambda kind, text: self._speaker.hear(self._line, kind, text)

    async def _carry_out(self, step: JsonObject) -> None:
        await self._calls.carry_out(step, len(self._steps) - 1)

    async def _save(self) -> None:
        """Store the steps so far. Repeated until the database takes it: what was asked for once is not asked for again."""

        async def store() -> None:
            async with self._saving, self._services.database.session(self._workspace) as db:
                cost = await self._count(db)
                await self._put(db)
                await self._charge(db, cost)
                await db.commit()
                # At once: the end of this answer must not count the step again.
                self._usage, self._uncounted = self._counted, None

        await retry_until_available("storing a step of an answer", store)

    async def _put(self, db: AsyncSession) -> None:
        shown_parts = conversation.parts_of(self._steps)
        written = await db.execute(
            update(Message)
            .where(Message.uuid == self._message, Message.owner == self._owner, Message.finished_at.is_(None))
            .values(steps=self._steps, parts=shown_parts)
            .returning(Message.uuid)
        )
        if written.scalar() is None:
            raise AnswerLost
        await self._announce(db)

    async def _announce(self, db: AsyncSession) -> None:
        """Tell those who watch that it has changed, when this is committed."""
        if self._speaker.is_watched(self._message):
            await (await driver_connection(db)).execute("select pg_notify(%s, %s)", (notes.SAID, notes.changed_note(str(self._message))))

    async def _count(self, db: AsyncSession) -> float:
        """Add what the last step took to the usage of the answer, once: with the step, or with the end. The credits that it costs."""
        asked = self._uncounted
        if asked is None:
            return 0.0
        query = select(Message.usage, func.json_array_length(Message.steps)).where(
            Message.uuid == self._message, Message.owner == self._owner
        )
        stored = (await db.execute(query)).one_or_none()
        if stored is None:
            return 0.0
        self._usage = self._counted = stored[0] or {}
        if stored[1] >= self._number:
            # A commit of which no one heard has counted the step.
            return 0.0
        self._counted, tokens, credits = self._with_last_step(asked)
        await db.execute(update(Message).where(Message.uuid == self._message, Message.owner == self._owner).values(usage=self._counted))
        if self._agent is not None:
            await daily_limit.count(db, self._workspace, self._agent, self._message, tokens, credits)
        return credits

    def _with_last_step(self, asked: Asked) -> tuple[JsonObject, int, float]:
        """The usage with the last step, and the tokens and credits of that."""
        tokens = asked.step.usage.sent + asked.step.usage.received
        credits = asked.service.credits(tokens)
        total = usage.added(self._usage, asked.step.usage, asked.model.language_model_slug, asked.service.connector, credits)
        return total, tokens, credits

    async def _charge(self, db: AsyncSession, credits: float) -> None:
        """Charge the last step, last in the transaction that stores it."""
        asked = self._uncounted
        if asked is None or credits <= 0:
            return
        purpose = await charging.purpose_of(db, self._chat, self._message, self._user)
        await charging.charge(db, purpose, asked.service, self._number, credits)

    async def _end(self, status: str, error: str | None, answer: Json = None) -> None:
        async def end() -> None:
            if await self._end_in_group(status, error, answer):
                return
            async with self._saving, self._services.database.session(self._workspace) as db:
                await self._store_end(db, status, error, answer)
                await db.commit()

        await retry_until_available("storing the end of an answer", end)
        if self._goes_on:
            with contextlib.suppress(*DATABASE_UNAVAILABLE):
                await parking.wake_run(self._services.database, self._workspace, self._chat.trigger)

    async def _end_in_group(self, status: str, error: str | None, answer: Json) -> bool:
        """Store the end of the answer to a node with those of others; False where it has to be stored by itself."""
        if not self._of_node:
            return False
        last, asked = None, self._uncounted
        if asked is not None:
            total, tokens, credits = self._with_last_step(asked)
            last = LastStep(self._number, total, tokens, charging.Spent(self._chat, asked.service, credits))
        shown_parts = conversation.parts_of(self._steps, answer) + self._said
        watched = self._speaker.is_watched(self._message)
        stored = await self._ending.end(End(self._message, status, error, self._steps, shown_parts, last, self._afterwards, watched))
        if stored is not None:
            # A cancellation that was accepted counts.
            error = error if stored.status == status else None
            self.ended = Ended(self._chat.uuid, stored.status, error, shown_parts, stored.credits)
        return stored is not None

    async def _store_end(self, db: AsyncSession, status: str, error: str | None, answer: Json) -> None:
        # Before it is no longer this process's.
        cost = await self._count(db)
        ended = await db.execute(
            update(Message)
            .where(Message.uuid == self._message, Message.owner == self._owner, Message.finished_at.is_(None))
            .values(
                # A cancellation that was accepted counts, also where the end came before this process heard of it.
                status=case((Message.status == "cancelling", "cancelled"), else_=status),
                error_message=case((Message.status == "cancelling", None), else_=error),
                finished_at=clock.now(),
                afterwards_at=self._afterwards,
                steps=self._steps,
                parts=conversation.parts_of(self._steps, answer) + self._said,
                owner=None,
                leased_until=None,
            )
            .returning(Message.uuid)
        )
        if ended.scalar() is None:
            raise AnswerLost
        await daily_limit.release(db, self._message)
        await (await driver_connection(db)).execute("select pg_notify('cargo_done', %s)", (str(self._message),))
        await self._announce(db)
        await parking.wake_parent(db, self._message)
        await self._charge(db, cost)


def _problem(call: ToolCall, schema: JsonObject) -> str | None:
    """What is wrong with an answer by its schema, which can be used."""
    if call.arguments is None:
        return "it is not a JSON object"
    return next(iter(json_schema.faults(schema, call.arguments, 1)), None)


def _check_schema(schema: JsonObject) -> None:
    """Before the language model is asked: no answer could hold to a schema that cannot be used."""
    try:
        json_schema.validator_of(schema)
    except json_schema.NoSchema as error:
        raise Failed(f"The schema of the answer cannot be used: {error}") from None
