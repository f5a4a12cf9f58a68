"""Leases of answers: kept while claims wait, made sure of before a language model is asked, so that no answer is asked for twice."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select, text, update

from cargo_ai.domains.ai.chats.answering import answers
from cargo_ai.domains.ai.chats.answering import lease as leases
from cargo_ai.domains.ai.tables import Message
from cargo_ai.kernel import clock, ids
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.simulators.language_models.control import Reply, Said
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, ended, new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEASE = 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, simulator: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """A worker whose leases are short."""
    settings = {"CARGO_AI_SERVICE_ADDRESSES": f"openAi={simulator.url}", "CARGO_AI_STALLED_AFTER_SECONDS": str(LEASE)}
    with databases.lent() as url:
        async with running_backend(url, tmp_path_factory.mktemp("backend"), **settings) as running:
            await running.admin.connector("openai", integrationSlug="openAi", name="OpenAI", config={"apiKey": simulator.key})
            yield running


async def _ask(backend: Backend, question: str) -> str:
    agent = await new_agent(backend.admin, integrationSlug="openAi", languageModelSlug="gpt-4o")
    sent = await backend.admin.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": question}])
    return str(sent["assistantMessage"]["uuid"])


def _held_back(model: Running) -> tuple[asyncio.Event, threading.Event]:
    """Answers come when the second event is set; the first one says that the language model was asked."""
    asked, released = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def answer_when_released(_said: Said) -> Reply:
        loop.call_soon_threadsafe(asked.set)
        released.wait(30)
        return Reply("Done")

    model.control.rules.append(answer_when_released)
    return asked, released


async def _leased_until(backend: Backend, message: str) -> datetime:
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        until = await db.scalar(select(Message.leased_until).where(Message.uuid == uuid.UUID(message)))
    assert until is not None
    return until


async def test_leases_are_renewed_while_a_claim_waits(backend: Backend, model: Running) -> None:
    held = uuid.UUID(await _ask(backend, "Held"))
    await ended(backend.admin, str(held))
    asked, released = _held_back(model)
    slow = await _ask(backend, "Slow")
    await asyncio.wait_for(asked.wait(), 30)
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        # An answer that the worker soon may take up, and cannot, for as long as the second transaction goes on.
        soon = clock.now() + timedelta(seconds=0.5)
        await db.execute(update(Message).where(Message.uuid == held).values(status="generating", finished_at=None, leased_until=soon))
        await db.commit()
        await db.execute(select(Message.uuid).where(Message.uuid == held).with_for_update())
        # By now the worker waits; what was renewed before does not last so long.
        late = soon + timedelta(seconds=2 * LEASE)
        async with asyncio.timeout(20):
            while await _leased_until(backend, slow) < late:  # noqa: ASYNC110 - a row of the database tells no one
                await asyncio.sleep(0.05)
    released.set()
    assert (await ended(backend.admin, slow))["status"] == "success"
    assert [said.last for said in model.control.said].count("Slow") == 1


async def test_slow_answers_of_one_workspace_leave_places_to_others(
    backend: Backend, model: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MAX_OF_WORKSPACE", 1)
    monkeypatch.setattr(answers, "MAX", 2)
    await backend.other_api.connector("openai", integrationSlug="openAi", name="OpenAI", config={"apiKey": model.key})
    model.control.fail(holding="Slow", delay=60.0, path="completions", times=3)
    slow = [await _ask(backend, "Slow") for _ in range(3)]
    async with asyncio.timeout(30):
        while not model.control.said:  # noqa: ASYNC110 - the imitation of the model tells no one
            await asyncio.sleep(0.01)
    quick = await new_agent(backend.other_api, integrationSlug="openAi", languageModelSlug="gpt-4o")
    assert (await answer_to(backend.other_api, "Quick", agentUuid=quick))["status"] == "success"
    assert [said.last for said in model.control.said] == ["Slow", "Quick"]
    await backend.admin.call("ai.message.cancel", uuids=slow)
    assert {(await ended(backend.admin, message))["status"] for message in slow} == {"cancelled"}


async def test_an_answer_whose_lease_was_lost_is_not_asked_for(backend: Backend, model: Running) -> None:
    message = uuid.UUID(await _ask(backend, "Hello"))
    mine = leases.Leases(backend.state.database.url, ids.new(), timedelta(seconds=LEASE))
    lease = leases.Lease(mine, message)
    await lease.hold()
    lease.begins_at(clock.seconds() - LEASE)
    with pytest.raises(leases.AnswerLost):
        await lease.hold()
    await mine.close()


BLOCKED = text("""
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name like 'cargo-ai worker%' and wait_event_type = 'Lock'
""")


async def test_an_answer_that_came_while_the_database_was_away_is_stored_and_not_asked_for_again(backend: Backend, model: Running) -> None:
    asked, released = _held_back(model)
    message = await _ask(backend, "Once")
    await asyncio.wait_for(asked.wait(), 30)
    async with backend.state.database.session(ALL_WORKSPACES) as db, backend.state.database.session(ALL_WORKSPACES) as other:
        await db.execute(select(Message.uuid).where(Message.uuid == uuid.UUID(message)).with_for_update())
        released.set()
        ended_connections = 0
        while not ended_connections:
            await asyncio.sleep(0.02)
            ended_connections = len((await other.execute(BLOCKED)).all())
            await other.rollback()
        await db.rollback()
    answer = await ended(backend.admin, message)
    assert answer["status"] == "success"
    assert [said.last for said in model.control.said].count("Once") == 1
    assert answer["usage"]["tokensUsedCount"] > 0
