"""Answers to nodes begin once for a key, no matter who asks for them and how often."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from cargo_ai.domains.ai.chats.nodes.beginning import Beginning, Request
from cargo_ai.domains.ai.tables import Chat, Message
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.kernel import ids
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.backend import Backend
from tests.unit.domains.ai.conftest import new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEASE = timedelta(minutes=5)


def request_of(backend: Backend, agent: str, key: str, *, repeated: bool = False, release: uuid.UUID | None = None) -> Request:
    """What a node asks an agent."""
    return Request(
        workspace=uuid.UUID(backend.workspace),
        key=key,
        agent=uuid.UUID(agent),
        release=release,
        text="Hello",
        given={},
        trigger={"type": "workflow"},
        trace=ids.new(),
        repeated=repeated,
        sent=ids.new(),
        answer=ids.new(),
    )


async def test_of_processes_that_ask_at_the_same_time_one_has_the_answer(backend: Backend) -> None:
    agent, key = await new_agent(backend.admin, integrationSlug="openAi", languageModelSlug="gpt-4o"), f"run:{ids.new()}:1"
    processes = [Beginning(backend.state.database, ids.new(), LEASE) for _ in range(2)]
    begun = await asyncio.gather(*(process.begin(request_of(backend, agent, key)) for process in processes for _ in range(2)))
    assert len({answer.message for answer in begun}) == 1
    assert [answer.origin is not None for answer in begun].count(True) == 1
    again = await processes[0].begin(request_of(backend, agent, key, repeated=True))
    assert again.message == begun[0].message and again.origin is None
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        chat = await db.scalar(select(Message.chat_uuid).where(Message.execution_key == key))
        assert await db.scalar(select(func.count()).where(Message.chat_uuid == chat)) == 2
        assert await db.scalar(select(Chat.last_message_uuid).where(Chat.uuid == chat)) == again.message


async def test_an_agent_that_cannot_be_asked_keeps_no_other_from_being_asked(backend: Backend) -> None:
    agent = await new_agent(backend.admin, integrationSlug="openAi", languageModelSlug="gpt-4o")
    process = Beginning(backend.state.database, ids.new(), LEASE)
    requests = [
        request_of(backend, agent, f"run:{ids.new()}:1"),
        request_of(backend, str(ids.new()), f"run:{ids.new()}:1"),
        request_of(backend, agent, f"run:{ids.new()}:1", release=ids.new()),
    ]
    asked, unknown, undeployed = await asyncio.gather(*map(process.begin, requests), return_exceptions=True)
    assert not isinstance(asked, BaseException) and asked.origin is not None and asked.origin.plan.language_model_slug == "gpt-4o"
    assert isinstance(unknown, InvalidConfig) and "no agent" in str(unknown)
    assert isinstance(undeployed, InvalidConfig) and "nothing deployed" in str(undeployed)


async def test_the_release_that_is_deployed_now_answers(backend: Backend) -> None:
    agent = await new_agent(backend.admin, integrationSlug="openAi", languageModelSlug="gpt-4o")
    process = Beginning(backend.state.database, ids.new(), LEASE)
    await process.begin(request_of(backend, agent, f"run:{ids.new()}:1"))
    await backend.admin.call("ai.release.deployDraft", agentUuid=agent, languageModelSlug="gpt-4.1-mini")
    begun = await process.begin(request_of(backend, agent, f"run:{ids.new()}:1"))
    assert begun.origin is not None and begun.origin.plan.language_model_slug == "gpt-4.1-mini"
