"""The tokens that an agent may use in a day: exact also for many answers at once, said in a sentence, shown on the agent."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from cargo_ai.domains.ai.agents import daily_limit
from cargo_ai.domains.ai.asking import admitting
from cargo_ai.domains.ai.tables import AgentReservation
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient
from tests.kit.backend import Backend
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPENAI: dict[str, Any] = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}


async def test_used_tokens_are_shown_and_end_at_the_limit(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **OPENAI)
    first = await answer_to(api, "Hello", agentUuid=agent)
    shown = (await api.call("ai.agent.get", uuid=agent))["agent"]
    assert shown["maxTokensPerDay"] is None and shown["tokensUsedToday"] == first["usage"]["tokensUsedCount"] > 0
    await api.call("ai.agent.update", uuid=agent, maxTokensPerDay=shown["tokensUsedToday"])
    refused = await answer_to(api, "Hello", agentUuid=agent)
    assert refused["status"] == "error" and "maxTokensPerDay" in refused["errorMessage"]
    assert "--max-tokens-per-day" in refused["errorMessage"]
    await api.call("ai.agent.update", uuid=agent, maxTokensPerDay=None)
    assert (await answer_to(api, "Hello", agentUuid=agent))["status"] == "success"


@pytest.mark.slow
async def test_many_at_once_exceed_it_by_no_more_than_one_step(
    api: ApiClient, backend: Backend, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admitting, "PAUSE", 0.02)
    agent = await new_agent(api, **OPENAI)
    cost = (await answer_to(api, "Hello", agentUuid=agent))["usage"]["tokensUsedCount"]
    most = cost * 4
    await api.call("ai.agent.update", uuid=agent, maxTokensPerDay=most)
    model.control.fail(path="completions", delay=0.05, times=100)
    answers = await asyncio.gather(*(answer_to(api, "Hello", agentUuid=agent) for _ in range(12)))
    used = (await api.call("ai.agent.get", uuid=agent))["agent"]["tokensUsedToday"]
    assert most <= used <= most + cost
    assert sum(answer["status"] == "success" for answer in answers) == used // cost - 1, "each of those that answered is counted"
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        assert await db.scalar(select(func.count()).select_from(AgentReservation)) == 0


async def test_an_answer_that_has_ended_meanwhile_reserves_nothing(api: ApiClient, backend: Backend, model: Running) -> None:
    agent = await new_agent(api, **OPENAI)
    ended = await answer_to(api, "Hello", agentUuid=agent)
    await api.call("ai.agent.update", uuid=agent, maxTokensPerDay=1_000_000)
    wanted = daily_limit.Wanted(uuid.UUID(backend.workspace), uuid.UUID(agent), uuid.UUID(ended["uuid"]), daily_limit.Taken(10))
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        assert await daily_limit.reserve(await driver_connection(db), [wanted]) == [True]
        assert await db.scalar(select(func.count()).select_from(AgentReservation)) == 0


async def test_the_limit_is_a_positive_number(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **OPENAI)
    for most in (0, -1, "many"):
        assert await api.refused("ai.agent.update", uuid=agent, maxTokensPerDay=most) == (400, "invalidInput")
