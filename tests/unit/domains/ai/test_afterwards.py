"""What follows an answer: its evaluation, suggestions, and heartbeats of its chat."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from cargo_ai.domains.ai.afterwards import afterwards
from cargo_ai.domains.ai.tables import Chat, Message
from cargo_ai.kernel import clock
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply, Said
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, ended, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4o"}
EVALUATOR = {"rubric": "It names a company.", "threshold": 0.7}
CRITERIA = [{"name": "Company", "passed": True, "reason": "Acme."}]
HEARTBEAT: Body = {"intervalMinutes": 30, "maxMessages": 2, "prompt": "Anything new?"}


@pytest.fixture(autouse=True, scope="module")
def often() -> Iterator[None]:
    """The worker looks for what is due without making tests wait."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(afterwards, "LOOK_SECONDS", 0.1)
        yield


def judges(score: float) -> Callable[[Said], Reply | None]:
    def rule(heard: Said) -> Reply | None:
        if not heard.system.startswith("You are a strict and fair judge."):
            return None
        return Reply(calls=[("final_result", {"score": score, "summary": "Judged.", "criteria": CRITERIA})])

    return rule


async def until(api: ApiClient, message: str, holds: Callable[[Body], object]) -> Body:
    """A message as soon as this holds."""
    body: Body = {}
    deadline = clock.seconds() + 30
    while clock.seconds() < deadline:
        body = (await api.call("ai.message.get", uuid=message))["message"]
        if holds(body):
            return body
        await asyncio.sleep(0.05)
    raise AssertionError(body)


@pytest.mark.parametrize(("score", "passed"), [(0.9, True), (0.7, True), (0.4, False)])
async def test_an_answer_is_judged_by_the_rubric_of_its_release(api: ApiClient, model: Running, score: float, passed: bool) -> None:
    agent = await new_agent(api, evaluator=EVALUATOR, **MODEL)
    model.control.rules.append(judges(score))
    answer = await answer_to(api, "Who buys?", agentUuid=agent)
    judged = await until(api, answer["uuid"], lambda body: body["evaluation"])
    assert judged["evaluation"] == {"score": score, "passed": passed, "criteria": CRITERIA, "summary": "Judged."}
    assert judged["usage"]["tokensUsedCount"] > answer["usage"]["tokensUsedCount"] and judged["status"] == "success"
    heard = model.control.said[-1]
    assert "It names a company." in heard.system and "Who buys?" in heard.last and "You said: Who buys?" in heard.last
    assert (await api.call("ai.chat.get", uuid=answer["chatUuid"]))["chat"]["evaluator"] == EVALUATOR


async def test_an_answer_that_cannot_be_judged_says_why(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, evaluator=EVALUATOR, **MODEL)
    model.control.rules.append(lambda heard: Reply(calls=[("final_result", {"score": 7})]) if "judge" in heard.system else None)
    answer = await answer_to(api, "Who buys?", agentUuid=agent)
    judged = await until(api, answer["uuid"], lambda body: body["meta"])
    assert judged["evaluation"] is None and "corrected" in judged["meta"]["evaluationErrorMessage"]


async def test_a_follow_up_whose_process_died_is_taken_over_and_repeats_nothing(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, evaluator=EVALUATOR, capabilities=[{"slug": "suggestedActions"}], **MODEL)
    model.control.rules.append(judges(1))
    model.control.rules.append(
        lambda heard: Reply(calls=[("final_result", {"suggestions": [{"text": "Tell me more"}]})]) if "suggest" in heard.system else None
    )
    answer = await answer_to(api, "Who buys?", agentUuid=agent)
    followed = await until(api, answer["uuid"], lambda body: body["suggestedActions"])
    assert followed["suggestedActions"] == [{"text": "Tell me more", "actions": []}] and followed["evaluation"]["passed"]
    # The judgement was stored, the suggestions were not, when the process died; its claim has run out.
    async with backend.state.database.session(uuid.UUID(backend.workspace)) as db:
        change = update(Message).where(Message.uuid == uuid.UUID(answer["uuid"]))
        await db.execute(change.values(suggested_actions=None, afterwards_at=clock.now() - timedelta(seconds=1)))
        await db.commit()
    await until(api, answer["uuid"], lambda body: body["suggestedActions"])
    assert len([heard for heard in model.control.said if "judge" in heard.system]) == 1


async def _due(backend: Backend, chat: str) -> None:
    """The chat's heartbeat, as soon as one is set, is due."""
    deadline = clock.seconds() + 30
    while clock.seconds() < deadline:
        async with backend.state.database.session(uuid.UUID(backend.workspace)) as db:
            change = update(Chat).where(Chat.uuid == uuid.UUID(chat), Chat.heartbeat_at > clock.now() + timedelta(minutes=29))
            changed = await db.scalar(change.values(heartbeat_at=clock.now()).returning(Chat.uuid))
            await db.commit()
        if changed is not None:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no heartbeat was set")


async def _messages(api: ApiClient, chat: str, count: int) -> list[Body]:
    """The messages of a chat when there are as many, and the last one has ended."""
    deadline, messages = clock.seconds() + 30, list[Body]()
    while clock.seconds() < deadline:
        messages = (await api.call("ai.message.list", chatUuid=chat))["messages"]
        if len(messages) == count:
            await ended(api, messages[-1]["uuid"])
            return (await api.call("ai.message.list", chatUuid=chat))["messages"]
        await asyncio.sleep(0.05)
    raise AssertionError(messages)


async def test_an_agent_is_asked_again_by_its_heartbeat_until_that_is_used_up(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, heartbeat=HEARTBEAT, **MODEL)
    chat = (await answer_to(api, "Watch Acme.", agentUuid=agent))["chatUuid"]
    assert "30 minutes" in model.control.said[-1].system
    for count in (4, 6):
        await _due(backend, chat)
        messages = await _messages(api, chat, count)
        assert (messages[-2]["parts"][0]["text"], messages[-2]["type"]) == ("Anything new?", "user")
        assert messages[-2]["meta"] == {"heartbeat": count // 2 - 1} and said(messages[-1]) == "You said: Anything new?"
    with pytest.raises(AssertionError, match="no heartbeat"):
        await asyncio.wait_for(_nothing_due(backend, chat), 10)
    await answer_to(api, "Go on.", chatUuid=chat)
    await _due(backend, chat)
    assert len(await _messages(api, chat, 10)) == 10
    assert (await api.call("ai.chat.get", uuid=chat))["chat"]["heartbeat"] == HEARTBEAT


async def _nothing_due(backend: Backend, chat: str) -> None:
    """Raises as soon as the last answer was followed up without a heartbeat."""
    while True:
        async with backend.state.database.session(uuid.UUID(backend.workspace)) as db:
            row = await db.get(Chat, uuid.UUID(chat))
            last = await db.get(Message, row.last_message_uuid) if row is not None else None
        if row is not None and last is not None and last.afterwards_at is None and last.finished_at is not None:
            assert row.heartbeat_at is not None, "no heartbeat"
        await asyncio.sleep(0.05)


async def test_an_agent_may_end_its_heartbeats(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, heartbeat=HEARTBEAT, **MODEL)
    model.control.rules.append(lambda heard: None if heard.results else Reply(calls=[("stop_heartbeat", {})]))
    chat = (await answer_to(api, "Watch Acme.", agentUuid=agent))["chatUuid"]
    with pytest.raises(AssertionError, match="no heartbeat"):
        await asyncio.wait_for(_nothing_due(backend, chat), 10)


async def test_a_release_is_not_warned_of_what_works(api: ApiClient) -> None:
    agent = await new_agent(api, **MODEL)
    capabilities = [{"slug": "memory"}, {"slug": "suggestedActions"}]
    parts: Body = {"heartbeat": HEARTBEAT, "evaluator": EVALUATOR, "capabilities": capabilities}
    assert await api.warnings("ai.release.updateDraft", agentUuid=agent, **parts) == []
