"""Answers to nodes that end: what their last steps took is counted and charged once, also where a commit was heard of by no one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text, update

from cargo_ai.domains.ai.asking.charging import Spent
from cargo_ai.domains.ai.chats.nodes.beginning import Beginning, Begun
from cargo_ai.domains.ai.chats.nodes.ending import End, Ending, LastStep, Stored
from cargo_ai.domains.ai.tables import Message
from cargo_ai.domains.connection.public import LanguageModelService
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.backend import Backend
from tests.unit.domains.ai.chats.nodes.test_beginning import LEASE, request_of
from tests.unit.domains.ai.conftest import new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")
STEP: JsonObject = {"text": "Hello", "thoughts": "", "calls": [], "response": {}}
COUNTED = "select sum(tokens), sum(credits) from agent_usage where agent_uuid = :agent"
CHARGED = "select sum(c.amount) from ledger_charges c join ledger_labels l on l.uuid = c.label_uuid where l.agent_uuid = :agent"


async def _no_answer(body: Any, events: Any = None) -> Any:
    raise AssertionError


def _end_of(begun: Begun, *, number: int = 1) -> End:
    """Its end, whose last step took 10 tokens and half a credit."""
    assert begun.origin is not None
    service = LanguageModelService("openai", "OpenAI", ids.new(), _no_answer, "openAi")
    last = LastStep(number, {"creditsUsedCount": 0.5 * number}, 10, Spent(begun.origin.chat, service, 0.5))
    return End(begun.message, "success", None, [STEP] * number, [], last, None, is_watched=False)


async def _counted(backend: Backend, agent: str) -> tuple[int, float, float]:
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        tokens, credits = (await db.execute(text(COUNTED), {"agent": agent})).one()
        return int(tokens or 0), float(credits or 0), float((await db.execute(text(CHARGED), {"agent": agent})).scalar() or 0)


async def test_a_step_that_is_stored_already_is_not_counted_with_the_end_of_its_answer(backend: Backend) -> None:
    agent, owner = await new_agent(backend.admin, integrationSlug="openAi", languageModelSlug="gpt-4o"), ids.new()
    beginning, ending = Beginning(backend.state.database, owner, LEASE), Ending(backend.state.database, owner)
    asked = [request_of(backend, agent, f"run:{ids.new()}:1") for _ in range(3)]
    begun = [await beginning.begin(request) for request in asked]
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        await db.execute(update(Message).where(Message.uuid == begun[0].message).values(steps=[STEP], usage={"creditsUsedCount": 0.5}))
        await db.commit()
    stored = await asyncio.gather(*(ending.end(_end_of(answer)) for answer in begun))
    assert stored == [Stored("success", 0.5)] * 3
    assert await _counted(backend, agent) == (20, 1.0, 1.0)


async def test_what_has_ended_or_is_anothers_is_neither_stored_nor_charged_again(backend: Backend) -> None:
    agent, owner = await new_agent(backend.admin, integrationSlug="openAi", languageModelSlug="gpt-4o"), ids.new()
    beginning, ending = Beginning(backend.state.database, owner, LEASE), Ending(backend.state.database, owner)
    begun = await beginning.begin(request_of(backend, agent, f"run:{ids.new()}:1"))
    assert await Ending(backend.state.database, ids.new()).end(_end_of(begun)) is None
    assert [await ending.end(_end_of(begun)) for _ in range(2)] == [Stored("success", 0.5), None]
    assert await _counted(backend, agent) == (10, 0.5, 0.5)
