"""Follow up on one answer: judge it by the rubric of its release, suggest next messages, and schedule the chat's next heartbeat.

Each part is stored when it is there. The process that takes a follow-up over after a death goes on after it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.afterwards.due import SUGGESTS, next_beat
from cargo_ai.domains.ai.agents import language_model
from cargo_ai.domains.ai.asking import charging, judge, structured, suggest, usage
from cargo_ai.domains.ai.asking.structured import Structured, Unanswered, Wish
from cargo_ai.domains.ai.chats import conversation, effective
from cargo_ai.domains.ai.tables import AgentRelease, Chat, Message
from cargo_ai.kernel import log
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Turn

Json = Any
SECONDS = 240.0
"""How long each question may take."""
MAX_CALLS = 40
MAX_OF_CALL = 2_000
"""Characters of what a tool was given and gave, as the judge sees it."""

_log = log.get(__name__)


class Taken(Exception):
    """Another process follows the answer up now."""


class FollowUp:
    """Follows one answer up; `claimed` is what marks it as this process's."""

    def __init__(self, services: Services, workspace: uuid.UUID, message: uuid.UUID, claimed: datetime) -> None:
        self._services, self._workspace, self._message, self._claimed = services, workspace, message, claimed
        self._purpose: charging.Purpose | None = None

    async def do(self) -> None:
        """All that is left. Taken when another process has it."""
        async with self._services.database.session(self._workspace) as db:
            row = await db.scalar(select(Message).where(Message.uuid == self._message))
            if row is None:
                return
            release = await db.scalar(select(AgentRelease).where(AgentRelease.uuid == row.release_uuid)) if row.release_uuid else None
            turns = await conversation.turns_before(db, row.chat_uuid, row.uuid)
            chat = await db.scalar(select(Chat).where(Chat.uuid == row.chat_uuid))
            self._purpose = None if chat is None else await charging.purpose_of(db, chat, row.uuid, None)
        plan = effective.plan(None if release is None else release.parts, row.given)
        turns = turns or [Turn("")]
        if row.status == "success" and row.deleted_at is None:
            if plan.evaluator is not None and row.evaluation is None:
                await self._evaluate(plan, turns[-1].text, row.parts)
            if SUGGESTS in plan.capabilities and row.suggested_actions is None:
                await self._suggest(plan, [*turns[:-1], conversation.turn_of(turns[-1].text, row.steps)])
        await self._finish(plan, row.chat_uuid, row.status)

    async def _evaluate(self, plan: effective.Plan, asked: str, parts: Sequence[Mapping[str, Any]]) -> None:
        evaluator = plan.evaluator or {}
        wish = judge.wish(evaluator["rubric"], subject_of(asked, parts), named(plan), SECONDS)
        answer = await self._ask(wish)
        if isinstance(answer, str):
            await self._store({"evaluation": {"errorMessage": answer}})
        else:
            await self._store({"evaluation": judge.evaluation(answer.value, evaluator["threshold"])}, answer.usage)

    async def _suggest(self, plan: effective.Plan, turns: Sequence[Turn]) -> None:
        about = suggest.about(plan.system_prompt, plan.actions, plan.resources, plan.capabilities)
        answer = await self._ask(suggest.wish(about, suggest.talk_of(turns), plan.actions, named(plan), SECONDS))
        if isinstance(answer, str):
            await self._store({"suggested_actions": []})
        else:
            await self._store({"suggested_actions": suggest.suggestions(answer.value, plan.actions)}, answer.usage)

    async def _ask(self, wish: Wish) -> Structured | str:
        try:
            return await structured.answer(self._services, self._workspace, replace(wish, purpose=self._purpose))
        except Unanswered as error:
            _log.info("an answer was not followed up", message=str(self._message), cause=str(error)[:300])
            return str(error)[:1_000]

    async def _store(self, values: JsonObject, took: JsonObject | None = None) -> None:
        async with self._services.database.session(self._workspace) as db:
            if took is not None:
                former = await db.scalar(select(Message.usage).where(Message.uuid == self._message))
                values = values | {"usage": usage.merged(former or {}, took)}
            await self._put(db, values)
            await db.commit()

    async def _finish(self, plan: effective.Plan, chat_uuid: uuid.UUID, status: str) -> None:
        async with self._services.database.session(self._workspace) as db:
            chat = await db.scalar(select(Chat).where(Chat.uuid == chat_uuid, Chat.deleted_at.is_(None)).with_for_update())
            # Where something was said since, the answer to that sets the heartbeat.
            if chat is not None and chat.last_message_uuid == self._message and status != "cancelled":
                chat.heartbeat_at = next_beat(plan, chat.trigger, chat.heartbeats_count)
                await db.flush()
            await self._put(db, {"afterwards_at": None})
            await db.commit()

    async def _put(self, db: AsyncSession, values: JsonObject) -> None:
        mine = (Message.uuid == self._message, Message.afterwards_at == self._claimed)
        if await db.scalar(update(Message).where(*mine).values(values).returning(Message.uuid)) is None:
            raise Taken


def named(plan: effective.Plan) -> language_model.Named:
    """The language model of the answer, which also follows it up."""
    return language_model.Named(plan.integration_slug or None, plan.connector_uuid, plan.language_model_slug or None)


def subject_of(asked: str, parts: Sequence[Mapping[str, Any]]) -> str:
    """An answer as the judge sees it: what was asked, what was called, what was answered."""
    calls = [part for part in parts if str(part.get("type", "")).startswith("tool-")]
    lines = [f"The message:\n{asked}"]
    if calls:
        lines.append("What was called:\n" + "\n".join(_call(part) for part in calls[:MAX_CALLS]))
    output = next((part["data"] for part in parts if part.get("type") == "data-output"), None)
    answer = conversation.text_of(parts) if output is None else json.dumps(output, ensure_ascii=False)
    lines.append(f"The answer:\n{answer}")
    return "\n\n".join(lines)


def _call(part: Mapping[str, Any]) -> str:
    gave: Json = part.get("output", part.get("errorText"))
    texts = [json.dumps(value, ensure_ascii=False)[:MAX_OF_CALL] for value in (part.get("input"), gave)]
    return f"{part['type'].removeprefix('tool-')}({texts[0]}) gave {texts[1]}"
